# SPDX-License-Identifier: Apache-2.0
"""The few primitive operations that every static circuit is made of.

Qubits are bits of the index of an amplitude. A set of qubits is an integer mask. Every atom acts
where ``index & control == value`` and is the identity elsewhere. Nothing changes an atom; it is not
frozen because a circuit has thousands and a frozen one takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qruntime.execution.expressions import Angle


def bits(mask: int) -> Iterator[int]:
    """Yield the places of the ones in a mask, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@dataclass(slots=True, eq=False)
class Rotation:
    """``exp(-i angle/2 P)`` for the Pauli string P with X parts on ``x`` and Z parts on ``z``."""

    x: int
    z: int
    angle: Angle
    control: int = 0
    value: int = 0


@dataclass(slots=True, eq=False)
class Phase:
    """``exp(i angle)`` where the controls are met; without controls a global phase."""

    angle: Angle
    control: int = 0
    value: int = 0


@dataclass(slots=True, eq=False)
class Flip:
    """X on one qubit."""

    target: int
    control: int = 0
    value: int = 0


@dataclass(slots=True, eq=False)
class Matrix:
    """A fixed unitary; the first target is the lowest bit of the matrix's index."""

    targets: tuple[int, ...]
    matrix: NDArray[np.complex128]
    control: int = 0
    value: int = 0
    real: bool | None = None
    """Whether all elements are known to be real; None if nobody looked."""


@dataclass(slots=True, eq=False)
class Table:
    """A fixed diagonal over the targets; the first target is the lowest bit of its index."""

    targets: tuple[int, ...]
    diagonal: NDArray[np.complex128]
    control: int = 0
    value: int = 0


Atom = Rotation | Phase | Flip | Matrix | Table


def support(atom: Atom) -> int:
    """Return the mask of all qubits that an atom looks at."""
    if isinstance(atom, Rotation):
        return atom.x | atom.z | atom.control
    if isinstance(atom, Phase):
        return atom.control
    if isinstance(atom, Flip):
        return atom.control | (1 << atom.target)
    return atom.control | sum(1 << q for q in atom.targets)
