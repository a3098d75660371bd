# SPDX-License-Identifier: Apache-2.0
"""A careful user of Aer: the circuit transpiled once, ``assign_parameters``, ``run``."""

from __future__ import annotations

from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator

from benchmarks.peers import Expect, Peer, Sample, SampleMany


def _sample(circuit: QuantumCircuit, shots: int) -> Sample:
    simulator = AerSimulator(max_parallel_threads=1)
    ready = transpile(circuit, simulator)
    return lambda row: (
        simulator.run(ready.assign_parameters(row), shots=shots).result().get_counts()
    )


def _sample_many(circuits: list[QuantumCircuit], shots: int) -> SampleMany:
    simulator = AerSimulator(max_parallel_threads=1)
    ready = transpile(circuits, simulator)
    return lambda rows: (
        simulator.run(
            [one.assign_parameters(row) for one, row in zip(ready, rows, strict=True)], shots=shots
        )
        .result()
        .get_counts()
    )


def _expect(circuit: QuantumCircuit, observable: SparsePauliOp) -> Expect:
    simulator = AerSimulator(max_parallel_threads=1)
    saving = circuit.copy()
    saving.save_expectation_value(observable, range(circuit.num_qubits))
    ready = transpile(saving, simulator)
    return lambda row: (
        simulator.run(ready.assign_parameters(row)).result().data()["expectation_value"]
    )


PEER = Peer("careful", "careful Aer", sample=_sample, sample_many=_sample_many, expect=_expect)
