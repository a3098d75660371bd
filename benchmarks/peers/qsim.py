# SPDX-License-Identifier: Apache-2.0
"""qsim, through qsimcirq: one Cirq circuit with symbols. It computes in single precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cirq
import numpy as np
import qsimcirq
import sympy
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from benchmarks.peers import Counts, Expect, Peer, Row, Sample, gates

_FUSED_QUBITS = 4


def _simulator() -> qsimcirq.QSimSimulator:
    options = qsimcirq.QSimOptions(cpu_threads=1, max_fused_gate_size=_FUSED_QUBITS)
    return qsimcirq.QSimSimulator(options)


def _translated(circuit: QuantumCircuit) -> tuple[Any, list[Any], Callable[[Row], Any]]:
    """Return the circuit, its qubits, and what resolves a row: angles in half turns."""
    n = circuit.num_qubits
    qubits = cirq.LineQubit.range(n)
    symbols = [sympy.Symbol(f"t{k}") for k in range(circuit.num_parameters)]
    made = cirq.Circuit()
    for name, places, slots in gates(circuit):
        on = [qubits[place] for place in places]
        made.append(_operations(name, on, [symbols[slot] for slot in slots]))
    names = [symbol.name for symbol in symbols]

    def resolver(row: Row) -> cirq.ParamResolver:
        return cirq.ParamResolver(dict(zip(names, (row / np.pi).tolist(), strict=True)))

    return made, qubits, resolver


def _operations(name: str, on: list[Any], turns: list[Any]) -> list[Any]:
    if name == "u":
        theta, phi, lam = turns
        return [
            cirq.ZPowGate(exponent=lam)(*on),
            cirq.YPowGate(exponent=theta)(*on),
            cirq.ZPowGate(exponent=phi)(*on),
        ]
    if name in ("h", "cx"):
        return [(cirq.H if name == "h" else cirq.CNOT)(*on)]
    gate = {
        "rx": cirq.XPowGate,
        "ry": cirq.YPowGate,
        "rz": cirq.ZPowGate,
        "rxx": cirq.XXPowGate,
        "ryy": cirq.YYPowGate,
        "rzz": cirq.ZZPowGate,
    }[name]
    return [gate(exponent=turns[0])(*on)]


def _sample(circuit: QuantumCircuit, shots: int) -> Sample:
    made, qubits, resolver = _translated(circuit)
    made.append(cirq.measure(*reversed(qubits), key="m"))
    simulator, width = _simulator(), f"0{circuit.num_qubits}b"

    def count(row: Row) -> Counts:
        found = simulator.run(made, resolver(row), repetitions=shots).histogram(key="m")
        return {format(key, width): number for key, number in found.items()}

    return count


def _expect(circuit: QuantumCircuit, observable: SparsePauliOp) -> Expect:
    made, qubits, resolver = _translated(circuit)
    simulator = _simulator()
    paulis = {"X": cirq.X, "Y": cirq.Y, "Z": cirq.Z}
    total = cirq.PauliSum()
    for label, places, weight in observable.to_sparse_list():
        on = {qubits[q]: paulis[p] for p, q in zip(label, places, strict=True)}
        total += cirq.PauliString(on, coefficient=weight.real)
    return lambda row: simulator.simulate_expectation_values(made, [total], resolver(row))[0].real


PEER = Peer("qsim", "qsim", "complex64", seconds=3.0, sample=_sample, expect=_expect)
