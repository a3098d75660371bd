# SPDX-License-Identifier: Apache-2.0
"""Random static circuits for the tests: every standard gate, controls, expressions, nesting."""

from __future__ import annotations

import inspect

import numpy as np
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import ControlledGate, Gate, Parameter
from qiskit.circuit.library import (
    DiagonalGate,
    PauliGate,
    PermutationGate,
    RVGate,
    UnitaryGate,
    standard_gates,
)
from qiskit.quantum_info import random_unitary

_ANGLES = {"theta", "phi", "lam", "beta", "gamma", "phase"}
_DEPRECATED = {"MCXGrayCode", "MCXRecursive", "MCXVChain"}


def _angle_names(kind: type[Gate]) -> list[str]:
    return [name for name in inspect.signature(kind.__init__).parameters if name in _ANGLES]


STANDARD = [
    kind
    for name, kind in vars(standard_gates).items()
    if inspect.isclass(kind) and issubclass(kind, Gate) and name not in _DEPRECATED
]


def build(kind: type[Gate], angles: list[object], controls: int = 2) -> Gate:
    given = list(angles[: len(_angle_names(kind))])
    if "num_ctrl_qubits" in inspect.signature(kind.__init__).parameters:
        return kind(*given, controls)
    return kind(*given)


PARAMETERS = [Parameter(name) for name in ("b", "a", "c")]
numbers = st.one_of(
    st.sampled_from([0.0, np.pi, -np.pi / 2, 2 * np.pi, 7.0]), st.floats(-6, 6, allow_nan=False)
)


@st.composite
def expressions(draw: st.DrawFn) -> object:
    a, b = draw(st.sampled_from(PARAMETERS)), draw(st.sampled_from(PARAMETERS))
    k = draw(st.floats(-2, 2, allow_nan=False))
    forms = [a, 2 * a - 1, a / 3 + k * b, a * b, a.sin() + k, (a * a + 1).log(), a.abs(), -a, a - b]
    return draw(st.sampled_from(forms))


angles = st.one_of(numbers, expressions())


@st.composite
def gates(draw: st.DrawFn, most: int) -> Gate:
    """Draw a gate on at most ``most`` qubits."""
    choice = draw(st.integers(0, 9))
    if choice == 0:
        width = draw(st.integers(1, min(most, 3)))
        return UnitaryGate(random_unitary(2**width, seed=draw(st.integers(0, 99))))
    if choice == 1:
        width = draw(st.integers(1, min(most, 3)))
        phases = draw(st.lists(numbers, min_size=2**width, max_size=2**width))
        return DiagonalGate(np.exp(1j * np.array(phases)))
    if choice == 2:
        width = draw(st.integers(1, most))
        if draw(st.booleans()):
            return PermutationGate(draw(st.permutations(range(width))))
        return PauliGate(draw(st.text("IXYZ", min_size=width, max_size=width)))
    if choice == 3:
        return RVGate(*(draw(numbers) for _ in range(3)))
    kinds = draw(st.sampled_from(STANDARD))
    gate = build(kinds, [draw(angles) for _ in range(4)])
    if gate.num_qubits > most:
        return build(standard_gates.RYGate, [draw(angles)])
    if isinstance(gate, ControlledGate):
        gate = gate.to_mutable()
        gate.ctrl_state = draw(st.integers(0, 2**gate.num_ctrl_qubits - 1))
    elif 0 < gate.num_qubits < most and choice == 4:
        gate = gate.control(1, ctrl_state=draw(st.integers(0, 1)), annotated=draw(st.booleans()))
    return gate


@st.composite
def circuits(draw: st.DrawFn, most_qubits: int = 6, most_gates: int = 14) -> QuantumCircuit:
    width = draw(st.integers(1, most_qubits))
    circuit = QuantumCircuit(width, global_phase=draw(angles))
    for _ in range(draw(st.integers(0, most_gates))):
        gate = draw(gates(width))
        qubits = draw(st.permutations(range(width)))[: gate.num_qubits]
        if draw(st.integers(0, 9)) == 0 and gate.num_qubits:
            inner = QuantumCircuit(gate.num_qubits, global_phase=draw(angles))
            inner.append(gate, range(gate.num_qubits))
            gate = inner.to_instruction()
        circuit.append(gate, qubits)
        if draw(st.integers(0, 9)) == 0:
            circuit.barrier()
    return circuit
