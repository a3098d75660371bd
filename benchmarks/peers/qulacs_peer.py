# SPDX-License-Identifier: Apache-2.0
"""qulacs: one ``ParametricQuantumCircuit`` whose parameters are set, on one kept state."""

from __future__ import annotations

from collections import Counter
from typing import Any

import qulacs
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from benchmarks.peers import Counts, Expect, Peer, Row, Sample, gates, qulacs_blocks

_BLOCKS_FROM = 8  # qubits
_PAULI = {"x": 1, "y": 2, "z": 3}
_FIXED = {
    "h": qulacs.ParametricQuantumCircuit.add_H_gate,
    "sdg": qulacs.ParametricQuantumCircuit.add_Sdag_gate,
}


def _evolution(circuit: QuantumCircuit) -> Any:
    n, steps = circuit.num_qubits, gates(circuit)
    if n >= _BLOCKS_FROM and qulacs_blocks.are_blocks(steps):
        return qulacs_blocks.evolution(n, steps)
    program, columns = qulacs.ParametricQuantumCircuit(n), []
    state = qulacs.QuantumState(n)
    for name, qubits, slots in steps:
        if name == "u":  # theta, phi, lambda; up to its phase RZ(phi) RY(theta) RZ(lambda)
            program.add_parametric_RZ_gate(qubits[0], 0.0)
            program.add_parametric_RY_gate(qubits[0], 0.0)
            program.add_parametric_RZ_gate(qubits[0], 0.0)
            columns += [slots[2], slots[0], slots[1]]
            continue
        if name in ("rx", "ry", "rz"):
            getattr(program, f"add_parametric_{name.upper()}_gate")(qubits[0], 0.0)
        elif name in ("rxx", "ryy", "rzz"):
            paulis = [_PAULI[name[1]]] * 2
            program.add_parametric_multi_Pauli_rotation_gate(qubits, paulis, 0.0)
        elif name == "cx":
            program.add_CNOT_gate(*qubits)
        else:
            _FIXED[name](program, qubits[0])
        columns += slots

    def evolve(row: Row) -> Any:
        for place, value in enumerate(row[columns].tolist()):
            program.set_parameter(place, -value)
        state.set_zero_state()
        program.update_quantum_state(state)
        return state

    return evolve


def _sample(circuit: QuantumCircuit, shots: int) -> Sample:
    evolve, width = _evolution(circuit), f"0{circuit.num_qubits}b"

    def count(row: Row) -> Counts:
        found = Counter(evolve(row).sampling(shots))
        return {format(key, width): number for key, number in found.items()}

    return count


def _expect(circuit: QuantumCircuit, observable: SparsePauliOp) -> Expect:
    evolve = _evolution(circuit)
    paulis = qulacs.Observable(circuit.num_qubits)
    for label, qubits, weight in observable.to_sparse_list():
        text = " ".join(f"{p} {q}" for p, q in zip(label, qubits, strict=True))
        paulis.add_operator(float(weight.real), text)
    return lambda row: paulis.get_expectation_value(evolve(row))


PEER = Peer("qulacs", "qulacs", sample=_sample, expect=_expect)
