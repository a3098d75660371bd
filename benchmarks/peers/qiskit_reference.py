# SPDX-License-Identifier: Apache-2.0
"""Qiskit's reference primitives, ``StatevectorSampler`` and ``StatevectorEstimator``."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp

from benchmarks.peers import Expect, Peer, Sample


def _sample(circuit: QuantumCircuit, shots: int) -> Sample:
    sampler = StatevectorSampler(default_shots=shots)
    return lambda row: sampler.run([(circuit, row)]).result()[0].data.meas.get_counts()


def _expect(circuit: QuantumCircuit, observable: SparsePauliOp) -> Expect:
    estimator = StatevectorEstimator()
    return lambda row: float(estimator.run([(circuit, observable, row)]).result()[0].data.evs)


PEER = Peer(
    "reference",
    "Qiskit's reference primitives",
    seconds=1.5,
    widest=12,
    note="sampled up to 12 qubits; at 16 a call took seconds, at 20 half a minute and 5 GB",
    sample=_sample,
    expect=_expect,
)
