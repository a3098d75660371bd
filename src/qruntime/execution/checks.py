# SPDX-License-Identifier: Apache-2.0
"""What a run is given beside values: shots, seeds and angles, checked before anything is run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

from qruntime.errors import InvalidCircuitError, InvalidInputError

MAX_SHOTS = 1_000_000
"""The most shots of one circuit with one binding."""

MAX_SEED = 2**63 - 1


def run_shots(shots: Any) -> int:
    """Return shots as a plain integer.

    Raises:
        InvalidInputError: a run cannot have so many.
    """
    return _integer("shots", shots, 1, MAX_SHOTS)


def run_seed(seed: Any) -> int:
    """Return a seed as a plain integer.

    Raises:
        InvalidInputError: it is none.
    """
    return _integer("seed", seed, 0, MAX_SEED)


def _integer(name: str, value: Any, low: int, high: int) -> int:
    if type(value) is not int and not isinstance(value, np.integer):
        raise InvalidInputError(
            f"{name} must be an integer in {low}..{high}, not {value!r} ({type(value).__name__})"
        )
    if not low <= value <= high:
        raise InvalidInputError(f"{name} must be an integer in {low}..{high}, not {value}")
    return int(value)


def check_numbers(numbers: Sequence[float], circuit: QuantumCircuit, index: int) -> None:
    """Refuse numbers of a circuit's gates that are not finite.

    Raises:
        InvalidCircuitError: there is one.
    """
    if not isfinite(sum(numbers)) and not all(map(isfinite, numbers)):
        raise InvalidCircuitError(
            f"circuit {index} ('{circuit.name}') has a gate with an angle that is not finite",
            index=index,
        )


def check_angles(circuit: QuantumCircuit, index: int) -> None:
    """Refuse a number that is not finite, in branches too.

    Raises:
        InvalidCircuitError: there is one.
    """
    check_numbers(list(_numbers(circuit)), circuit, index)


def has_finite_angles(circuit: QuantumCircuit) -> bool:
    """Return whether all numbers are finite, in branches too."""
    return all(map(isfinite, _numbers(circuit)))


def _numbers(circuit: QuantumCircuit) -> Iterable[float]:
    for item in circuit.data:
        for value in item.params:
            if isinstance(value, float):
                yield value
            elif isinstance(value, QuantumCircuit):
                yield from _numbers(value)
