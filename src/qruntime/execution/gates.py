# SPDX-License-Identifier: Apache-2.0
"""How each gate of Qiskit's standard library is made of atoms; others go by their definition."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit.library import standard_gates as std

from qruntime.execution.atoms import Atom, Flip, Matrix, Phase, Rotation
from qruntime.execution.expressions import Angle

Qubits = Sequence[int]
Angles = Sequence[Angle]
Rule = Callable[[Qubits, Angles], list[Atom]]

_ROOT = math.sqrt(0.5)
_QUARTER = Angle(math.pi / 2)
_H: NDArray[np.complex128] = np.complex128(_ROOT) * np.array([[1, 1], [1, -1]])
_Y: NDArray[np.complex128] = np.array([[0, -1j], [1j, 0]], dtype=np.complex128)
_SX: NDArray[np.complex128] = np.complex128(0.5) * np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]])
_ECR: NDArray[np.complex128] = np.complex128(_ROOT) * np.array(
    [[0, 1, 0, 1j], [1, 0, -1j, 0], [0, 1j, 0, 1], [-1j, 0, 1, 0]]
)


def _on(qubit: int) -> tuple[int, int]:
    return (1 << qubit, 1 << qubit)


def phase(qubit: int, angle: Angle) -> Phase:
    """Return the phase gate."""
    return Phase(angle, *_on(qubit))


def z_rotation(mask: int, angle: Angle) -> list[Atom]:
    """Return ``exp(-i angle/2 Z..Z)`` on one or two qubits, as phases."""
    places = [1 << k for k in range(mask.bit_length()) if mask >> k & 1]
    atoms: list[Atom] = [Phase(angle * -0.5)]
    atoms += [Phase(angle, place, place) for place in places]
    if len(places) == 2:
        atoms.append(Phase(angle * -2.0, mask, mask))
    return atoms


def _fixed(matrix: NDArray[np.complex128]) -> Rule:
    real = not matrix.imag.any()
    return lambda q, _: [Matrix(tuple(q), matrix, real=real)]


def _fixed_phase(angle: float) -> Rule:
    return lambda q, _: [phase(q[0], Angle(angle))]


def _u(q: Qubits, a: Angles) -> list[Atom]:
    theta, phi, lam = a
    return [phase(q[0], lam), Rotation(1 << q[0], 1 << q[0], theta), phase(q[0], phi)]


def _u2(q: Qubits, a: Angles) -> list[Atom]:
    return _u(q, [_QUARTER, a[0], a[1]])


def _r(q: Qubits, a: Angles) -> list[Atom]:
    theta, phi = a
    return [phase(q[0], -phi), Rotation(1 << q[0], 0, theta), phase(q[0], phi)]


def _rx(q: Qubits, a: Angles) -> list[Atom]:
    return [Rotation(1 << q[0], 0, a[0])]


def _ry(q: Qubits, a: Angles) -> list[Atom]:
    return [Rotation(1 << q[0], 1 << q[0], a[0])]


def _rz(q: Qubits, a: Angles) -> list[Atom]:
    return z_rotation(1 << q[0], a[0])


def _p(q: Qubits, a: Angles) -> list[Atom]:
    return [phase(q[0], a[0])]


def _rxx(q: Qubits, a: Angles) -> list[Atom]:
    return [Rotation(1 << q[0] | 1 << q[1], 0, a[0])]


def _ryy(q: Qubits, a: Angles) -> list[Atom]:
    both = 1 << q[0] | 1 << q[1]
    return [Rotation(both, both, a[0])]


def _rzz(q: Qubits, a: Angles) -> list[Atom]:
    return z_rotation(1 << q[0] | 1 << q[1], a[0])


def _rzx(q: Qubits, a: Angles) -> list[Atom]:
    return [Rotation(1 << q[1], 1 << q[0], a[0])]


def _plus(q: Qubits, a: Angles) -> list[Atom]:
    theta, beta = a[0] * 0.5, a[1]
    inner = [*_rxx(q, [theta]), *_ryy(q, [theta])]
    return [phase(q[0], beta), *inner, phase(q[0], -beta)]


def _minus(q: Qubits, a: Angles) -> list[Atom]:
    theta, beta = a[0] * 0.5, a[1]
    inner = [*_rxx(q, [theta]), *_ryy(q, [-theta])]
    return [phase(q[1], -beta), *inner, phase(q[1], beta)]


def _swap(q: Qubits, _: Angles) -> list[Atom]:
    first, second = _on(q[0]), _on(q[1])
    return [Flip(q[1], *first), Flip(q[0], *second), Flip(q[1], *first)]


def _iswap(q: Qubits, _: Angles) -> list[Atom]:
    both = 1 << q[0] | 1 << q[1]
    quarter = [phase(q[0], _QUARTER), phase(q[1], _QUARTER)]
    return [*_swap(q, ()), *quarter, Phase(Angle(math.pi), both, both)]


def _dcx(q: Qubits, _: Angles) -> list[Atom]:
    return [Flip(q[1], *_on(q[0])), Flip(q[0], *_on(q[1]))]


RULES: dict[type, Rule] = {
    std.IGate: lambda _q, _a: [],
    std.GlobalPhaseGate: lambda _, a: [Phase(a[0])],
    std.XGate: lambda q, _: [Flip(q[0])],
    std.YGate: _fixed(_Y),
    std.HGate: _fixed(_H),
    std.SXGate: _fixed(_SX),
    std.SXdgGate: _fixed(_SX.conj()),
    std.ZGate: _fixed_phase(math.pi),
    std.SGate: _fixed_phase(math.pi / 2),
    std.SdgGate: _fixed_phase(-math.pi / 2),
    std.TGate: _fixed_phase(math.pi / 4),
    std.TdgGate: _fixed_phase(-math.pi / 4),
    std.PhaseGate: _p,
    std.U1Gate: _p,
    std.U2Gate: _u2,
    std.U3Gate: _u,
    std.UGate: _u,
    std.RGate: _r,
    std.RXGate: _rx,
    std.RYGate: _ry,
    std.RZGate: _rz,
    std.RXXGate: _rxx,
    std.RYYGate: _ryy,
    std.RZZGate: _rzz,
    std.RZXGate: _rzx,
    std.XXPlusYYGate: _plus,
    std.XXMinusYYGate: _minus,
    std.SwapGate: _swap,
    std.iSwapGate: _iswap,
    std.DCXGate: _dcx,
    std.ECRGate: _fixed(_ECR),
}
