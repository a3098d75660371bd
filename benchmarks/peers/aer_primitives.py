# SPDX-License-Identifier: Apache-2.0
"""Aer's own V2 primitives, on circuits transpiled once."""

from __future__ import annotations

from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2, SamplerV2

from benchmarks.peers import Expect, Peer, Sample, SampleMany

_OPTIONS = {"backend_options": {"max_parallel_threads": 1}}


def _sample(circuit: QuantumCircuit, shots: int) -> Sample:
    many = _sample_many([circuit], shots)
    return lambda row: many([row])[0]


def _sample_many(circuits: list[QuantumCircuit], shots: int) -> SampleMany:
    sampler = SamplerV2(default_shots=shots, options=_OPTIONS)
    ready = transpile(circuits, AerSimulator())
    return lambda rows: [
        one.data.meas.get_counts()
        for one in sampler.run(list(zip(ready, rows, strict=True))).result()
    ]


def _expect(circuit: QuantumCircuit, observable: SparsePauliOp) -> Expect:
    estimator = EstimatorV2(options=_OPTIONS)
    ready = transpile(circuit, AerSimulator())
    return lambda row: float(estimator.run([(ready, observable, row)]).result()[0].data.evs)


PEER = Peer(
    "aer_v2",
    "Aer's V2 primitives",
    seconds=2.0,
    sample=_sample,
    sample_many=_sample_many,
    expect=_expect,
)
