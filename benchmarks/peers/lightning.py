# SPDX-License-Identifier: Apache-2.0
"""PennyLane on lightning.qubit: a QNode built once, called with new values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pennylane as qml
import pennylane_lightning.lightning_qubit  # noqa: F401 - asked for here, so that its lack is seen
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from benchmarks.peers import Expect, Peer, Row, Sample, gates

_GATES = {
    "h": qml.Hadamard,
    "cx": qml.CNOT,
    "rx": qml.RX,
    "ry": qml.RY,
    "rz": qml.RZ,
    "u": qml.U3,
    "rxx": qml.IsingXX,
    "ryy": qml.IsingYY,
    "rzz": qml.IsingZZ,
}


def _node(circuit: QuantumCircuit, measure: Callable[[], Any], shots: int | None) -> Any:
    n = circuit.num_qubits
    # wire 0 is the first character of an outcome, as Qiskit's last qubit is
    steps = [
        (_GATES[name], slots, [n - 1 - qubit for qubit in qubits])
        for name, qubits, slots in gates(circuit)
    ]

    def run(row: Row) -> Any:
        values = row.tolist()
        for gate, slots, wires in steps:
            gate(*[values[slot] for slot in slots], wires=wires)
        return measure()

    node = qml.QNode(run, qml.device("lightning.qubit", wires=n), diff_method=None)
    return node if shots is None else qml.set_shots(node, shots=shots)


def _sample(circuit: QuantumCircuit, shots: int) -> Sample:
    return _node(circuit, qml.counts, shots)


def _expect(circuit: QuantumCircuit, observable: SparsePauliOp) -> Expect:
    n = circuit.num_qubits
    words = [
        qml.pauli.PauliWord({n - 1 - q: p for p, q in zip(label, qubits, strict=True)})
        for label, qubits, _ in observable.to_sparse_list()
    ]
    weights = [weight.real for _, _, weight in observable.to_sparse_list()]
    hamiltonian = qml.pauli.PauliSentence(dict(zip(words, weights, strict=True))).operation()
    node = _node(circuit, lambda: qml.expval(hamiltonian), None)
    return lambda row: float(node(row))


PEER = Peer("lightning", "lightning.qubit", seconds=3.0, sample=_sample, expect=_expect)
