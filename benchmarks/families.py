# SPDX-License-Identifier: Apache-2.0
"""The work that everybody does: circuits, observables, and a Hamiltonian, all deterministic."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp

SHOTS = 1024
SIZES = (4, 8, 12, 16, 20)
_TERMS, _BASES, _SEED = 99, 28, 21


def hea(n: int) -> QuantumCircuit:
    """Return four layers of RY and RZ rotations, and between them CX gates in a line."""
    angles = iter(ParameterVector("t", 8 * n))
    circuit = QuantumCircuit(n)
    for layer in range(4):
        for qubit in range(n):
            circuit.ry(next(angles), qubit)
            circuit.rz(next(angles), qubit)
        if layer < 3:
            for qubit in range(n - 1):
                circuit.cx(qubit, qubit + 1)
    return circuit


def qaoa(n: int) -> QuantumCircuit:
    """Return two layers of ZZ rotations on all pairs and of X rotations: four parameters."""
    angles = ParameterVector("t", 4)
    circuit = QuantumCircuit(n)
    circuit.h(range(n))
    for layer in range(2):
        for a, b in itertools.combinations(range(n), 2):
            circuit.rzz(angles[2 * layer], a, b)
        for qubit in range(n):
            circuit.rx(angles[2 * layer + 1], qubit)
    return circuit


def qv(n: int, *, seed: int = 7, layers: int = 8) -> QuantumCircuit:
    """Return layers of two-qubit unitaries on random pairs.

    Every unitary is in its standard form, general rotations around XX, YY and ZZ rotations, with
    fifteen free parameters: new values make it any other two-qubit unitary.
    """
    generator = np.random.default_rng(seed)
    angles = iter(ParameterVector("t", 15 * layers * (n // 2)))
    circuit = QuantumCircuit(n)
    for _ in range(layers):
        order = generator.permutation(n).tolist()
        for a, b in zip(order[0 : n - 1 : 2], order[1::2], strict=True):
            for qubit in (a, b):
                circuit.u(next(angles), next(angles), next(angles), qubit)
            circuit.rxx(next(angles), a, b)
            circuit.ryy(next(angles), a, b)
            circuit.rzz(next(angles), a, b)
            for qubit in (a, b):
                circuit.u(next(angles), next(angles), next(angles), qubit)
    return circuit


FAMILIES: dict[str, Callable[[int], QuantumCircuit]] = {"hea": hea, "qaoa": qaoa, "qv": qv}


def measured(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit with all qubits measured."""
    copy = circuit.copy()
    copy.measure_all()
    return copy


def observable(n: int) -> SparsePauliOp:
    """Return an Ising chain: ZZ on neighbours and X on every qubit."""
    terms = [("ZZ", [q, q + 1], 1.0) for q in range(n - 1)] + [("X", [q], 0.5) for q in range(n)]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=n)


class Energy:
    """A sampled energy: 99 Pauli terms on 4 qubits, measured in 28 bases.

    The terms have the structure of a molecule's Hamiltonian (real, many terms, few qubits), not the
    numbers of one. Terms that agree on every qubit on which both act share a basis.
    """

    def __init__(self) -> None:
        self.terms = _molecule_like()
        self.groups = _grouped(self.terms)
        if (len(self.terms), len(self.groups)) != (_TERMS, _BASES):
            raise RuntimeError(f"{len(self.terms)} terms in {len(self.groups)} bases")
        self._weights = [self._weights_of(members) for members in self.groups.values()]

    def circuits(self, ansatz: QuantumCircuit) -> list[QuantumCircuit]:
        """Return the ansatz measured in each basis."""
        made = []
        for basis in self.groups:
            circuit = ansatz.copy()
            for qubit, pauli in enumerate(reversed(basis)):
                if pauli == "Y":
                    circuit.sdg(qubit)
                if pauli in "XY":
                    circuit.h(qubit)
            circuit.measure_all()
            made.append(circuit)
        return made

    def of(self, counts: list[dict[str, int]]) -> float:
        """Return the energy that the counts of all bases give."""
        return sum(
            sum(weights[key] * number for key, number in found.items()) / sum(found.values())
            for weights, found in zip(self._weights, counts, strict=True)
        )

    def _weights_of(self, members: list[str]) -> dict[str, float]:
        def value(outcome: str) -> float:
            return sum(
                self.terms[label]
                * (-1)
                ** sum(bit == "1" and p != "I" for bit, p in zip(outcome, label, strict=True))
                for label in members
            )

        return {bits: value(bits) for bits in map("".join, itertools.product("01", repeat=4))}


def _molecule_like() -> dict[str, float]:
    generator = np.random.default_rng(_SEED)
    real = ["".join(t) for t in itertools.product("IXYZ", repeat=4) if t.count("Y") % 2 == 0]
    weights = np.array([3.0 ** -(4 - label.count("I")) for label in real])
    chosen = generator.choice(len(real), _TERMS, replace=False, p=weights / weights.sum())
    return {real[k]: float(generator.normal()) for k in sorted(chosen)}


def _grouped(terms: dict[str, float]) -> dict[str, list[str]]:
    groups: list[tuple[list[str], list[str]]] = []
    for label in sorted(terms, key=lambda label: (label.count("I"), label)):
        for basis, members in groups:
            if all("I" in (a, b) or a == b for a, b in zip(basis, label, strict=True)):
                basis[:] = [a if b == "I" else b for a, b in zip(basis, label, strict=True)]
                members.append(label)
                break
        else:
            groups.append((list(label), [label]))
    return {"".join(basis): members for basis, members in groups}
