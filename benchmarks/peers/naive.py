# SPDX-License-Identifier: Apache-2.0
"""A naive user of Aer: ``transpile(circuit, simulator)`` in every iteration."""

from __future__ import annotations

from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator

from benchmarks.peers import Expect, Peer, Sample


def _sample(circuit: QuantumCircuit, shots: int) -> Sample:
    simulator = AerSimulator(max_parallel_threads=1)
    return lambda row: (
        simulator.run(transpile(circuit.assign_parameters(row), simulator), shots=shots)
        .result()
        .get_counts()
    )


def _expect(circuit: QuantumCircuit, observable: SparsePauliOp) -> Expect:
    simulator = AerSimulator(max_parallel_threads=1)
    saving = circuit.copy()
    saving.save_expectation_value(observable, range(circuit.num_qubits))
    return lambda row: (
        simulator.run(transpile(saving.assign_parameters(row), simulator))
        .result()
        .data()["expectation_value"]
    )


PEER = Peer("naive", "naive Aer", seconds=1.5, sample=_sample, expect=_expect)
