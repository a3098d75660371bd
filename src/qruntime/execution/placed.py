# SPDX-License-Identifier: Apache-2.0
"""The standard gates by name, as atoms that are written at their places at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from qiskit.circuit import ControlledGate
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.circuit.library.standard_gates import (
    C3XGate,
    C4XGate,
    CUGate,
    PhaseGate,
    RZGate,
    RZZGate,
    SwapGate,
    UGate,
)

from qruntime.execution.atoms import Atom, Flip, Phase
from qruntime.execution.expressions import Angle
from qruntime.execution.gates import RULES, Angles, Qubits, Rule

_PI = Angle(math.pi)


@dataclass(frozen=True, slots=True)
class Placed:
    """How a gate is made of atoms: those of ``rule`` under ``controls`` more qubits, the first.

    ``swaps`` is whether it only exchanges its two qubits. ``up_to_phase`` is a shorter rule for the
    same gate but for a global phase.
    """

    rule: Rule
    controls: int = 0
    swaps: bool = False
    up_to_phase: Rule | None = None


@cache
def placed_gates() -> Mapping[tuple[str, int], Placed]:
    """Return the gates that have a rule, by name and number of qubits."""
    gates = [*get_standard_gate_name_mapping().values(), C3XGate(), C4XGate()]
    found = {
        (gate.name, gate.num_qubits): placed
        for gate in gates
        if (placed := _placed(gate)) is not None
    }
    return {**found, ("cx", 2): Placed(_cx), ("cz", 2): Placed(_cz), ("cp", 2): Placed(_cp)}


def _placed(gate: Any) -> Placed | None:
    kind = getattr(gate, "base_class", type(gate))
    if kind is CUGate:
        return Placed(_u_and_phase, 1)
    if kind in RULES:
        return Placed(RULES[kind], 0, kind is SwapGate, _UP_TO_PHASE.get(kind))
    if not isinstance(gate, ControlledGate):
        return None
    inner = _placed(gate.base_gate)
    return inner and Placed(inner.rule, inner.controls + gate.num_ctrl_qubits)


def _rzz(q: Qubits, a: Angles) -> list[Atom]:
    first, second = 1 << q[0], 1 << q[1]
    both = first | second
    return [Phase(a[0], first, first), Phase(a[0], second, second), Phase(a[0] * -2.0, both, both)]


_UP_TO_PHASE: Mapping[type, Rule] = {RZGate: RULES[PhaseGate], RZZGate: _rzz}


def _u_and_phase(q: Qubits, a: Angles) -> list[Atom]:
    return [Phase(a[3]), *RULES[UGate](q, a[:3])]


def _cx(q: Qubits, _: Angles) -> list[Atom]:
    control = 1 << q[0]
    return [Flip(q[1], control, control)]


def _cz(q: Qubits, _: Angles) -> list[Atom]:
    both = 1 << q[0] | 1 << q[1]
    return [Phase(_PI, both, both)]


def _cp(q: Qubits, a: Angles) -> list[Atom]:
    both = 1 << q[0] | 1 << q[1]
    return [Phase(a[0], both, both)]
