# SPDX-License-Identifier: Apache-2.0
"""Where a circuit's state ends and the choice of a measurement basis begins."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from qruntime.execution.atoms import Atom, Matrix, Phase, Rotation, bits, support

_HALF = np.sqrt(0.5)
_TURN_X = np.array([[_HALF, _HALF], [_HALF, -_HALF]], dtype=np.complex128)
_TURN_Y = np.array([[_HALF, -1j * _HALF], [_HALF, 1j * _HALF]], dtype=np.complex128)


def split_basis_change(atoms: Iterable[Atom]) -> tuple[list[Atom], list[Atom]]:
    """Return the atoms of a circuit in two parts, to be run one after the other.

    The second holds the last one-qubit gates of each qubit that no parameter changes, such as
    ``h`` or ``sdg`` and ``h`` before a measurement. They are kept out of what comes before, so
    that circuits which prepare one state and measure it in many bases have the same first part.
    It depends on the circuit alone. Qubits without another gate, and those whose last gates are
    phases only, have nothing in the second part.
    """
    body: list[Atom] = []
    ends: dict[int, list[Atom]] = {}
    closed = 0
    for atom in reversed(list(atoms)):
        mask = support(atom)
        if mask.bit_count() == 1 and not mask & closed and _fixed(atom):
            ends.setdefault(mask.bit_length() - 1, []).append(atom)
        else:
            closed |= mask
            body.append(atom)
    body.reverse()
    tail: list[Atom] = []
    for qubit in sorted(ends):
        atoms_of_qubit = ends[qubit][::-1]
        turns = any(not isinstance(atom, Phase) for atom in atoms_of_qubit)
        (tail if turns and closed >> qubit & 1 else body).extend(atoms_of_qubit)
    return body, tail


def measuring(x: int, z: int) -> list[Atom]:
    """Return what turns the letters of a Pauli string, given by its X and Z parts, into Z."""
    return [Matrix((qubit,), _TURN_Y if z >> qubit & 1 else _TURN_X) for qubit in bits(x)]


def _fixed(atom: Atom) -> bool:
    return atom.angle.fixed if isinstance(atom, (Rotation, Phase)) else True
