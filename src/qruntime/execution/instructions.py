# SPDX-License-Identifier: Apache-2.0
"""A circuit's instructions read as columns, in C loops: a Python object a gate would cost more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, compress
from operator import attrgetter
from typing import Any

from qiskit.circuit import CircuitInstruction

_names = attrgetter("name")
_labels = attrgetter("label")
_qubits = attrgetter("qubits")
_params = attrgetter("params")
_is_standard = CircuitInstruction.is_standard_gate


@dataclass(slots=True)
class Columns:
    """The instructions of a circuit, their names and qubits, and the standard gates' parameters.

    ``labels`` is None where no instruction has one. ``others`` are the places of those that are no
    standard gates.
    """

    items: list[Any]
    names: tuple[str, ...]
    labels: tuple[str | None, ...] | None
    qubits: tuple[tuple[Any, ...], ...]
    params: list[Any]
    others: list[int]


def read_columns(data: Iterable[Any]) -> Columns:
    """Read a circuit's ``_data``."""
    items = list(data)
    labels = tuple(map(_labels, items))
    standard = list(map(_is_standard, items))
    return Columns(
        items,
        tuple(map(_names, items)),
        None if labels.count(None) == len(labels) else labels,
        tuple(map(_qubits, items)),
        list(chain.from_iterable(map(_params, compress(items, standard)))),
        _false_places(standard),
    )


def _false_places(flags: list[bool]) -> list[int]:
    found, place = [], -1
    for _ in range(flags.count(False)):
        place = flags.index(False, place + 1)
        found.append(place)
    return found
