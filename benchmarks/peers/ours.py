# SPDX-License-Identifier: Apache-2.0
"""qruntime: a template compiled once and run for new values."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from benchmarks.peers import Expect, Peer, Sample, SampleMany
from qruntime import AerBackend


def _sample(circuit: QuantumCircuit, shots: int) -> Sample:
    template = AerBackend().compile(circuit)
    return lambda row: template.run(row, shots=shots).result().get_counts()


def _sample_many(circuits: list[QuantumCircuit], shots: int) -> SampleMany:
    template = AerBackend().compile(circuits)
    return lambda rows: template.run(rows, shots=shots).result().get_counts()


def _expect(circuit: QuantumCircuit, observable: SparsePauliOp) -> Expect:
    measured = circuit.copy()
    measured.measure_all()
    template = AerBackend().compile(measured)
    return lambda row: template.expectation(observable, row)


PEER = Peer("ours", "qruntime", sample=_sample, sample_many=_sample_many, expect=_expect)
