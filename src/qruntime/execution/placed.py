# SPDX-License-Identifier: Apache-2.0
"""The standard gates by name, as atoms that are written at their places at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from qiskit.circuit import ControlledGate
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.circuit.library.standard_gates import C3XGate, C4XGate, CUGate, SwapGate, UGate

from qruntime.execution.atoms import Atom, Flip, Phase
from qruntime.execution.expressions import Angle
from qruntime.execution.gates import RULES, Angles, Qubits

_PI = Angle(math.pi)


@dataclass(frozen=True, slots=True)
class Placed:
    """How a gate is made of atoms: those of ``rule`` under ``controls`` more qubits, the first.

    ``swaps`` is whether it only exchanges its two qubits.
    """

    rule: Callable[[Qubits, Angles], list[Atom]]
    controls: int = 0
    swaps: bool = False


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
        return Placed(RULES[kind], swaps=kind is SwapGate)
    if not isinstance(gate, ControlledGate):
        return None
    inner = _placed(gate.base_gate)
    return inner and Placed(inner.rule, inner.controls + gate.num_ctrl_qubits)


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
