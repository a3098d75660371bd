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

_MODULE = "qiskit.circuit.library.standard_gates."
_MANY_CONTROLS = frozenset(
    {"C4XGate", "MCPhaseGate", "MCU1Gate", "MCXGate", "MCXGrayCode", "MCXRecursive"}
)


@dataclass(slots=True)
class Columns:
    """The instructions of a circuit and the qubits of each; the standard gates' names and params.

    ``others`` are the places of the instructions that are no standard gates.
    """

    items: list[Any]
    qubits: tuple[tuple[Any, ...], ...]
    names: tuple[str, ...]
    params: list[Any]
    others: list[int]


def read_columns(data: Iterable[Any]) -> Columns:
    """Read a circuit's ``_data``."""
    items = list(data)
    flags = list(map(_is_standard, items))
    others = _false_places(flags)
    standard = list(compress(items, flags)) if others else items
    return Columns(
        items,
        tuple(map(_qubits, items)),
        tuple(map(_names, standard)),
        list(chain.from_iterable(map(_params, standard))),
        others,
    )


def read_labels(items: list[Any]) -> tuple[str | None, ...] | None:
    """Return the labels of instructions, or None if none has one."""
    labels = tuple(map(_labels, items))
    return None if labels.count(None) == len(labels) else labels


def is_fixed_gate(kind: type) -> bool:
    """Return whether class, width, parameters and control state say all that a gate does.

    Not so for every class beside the standard gates: ``MCXVChain`` has options of its own.
    """
    return kind.__module__.startswith(_MODULE) and (
        getattr(kind, "_standard_gate", None) is not None or kind.__name__ in _MANY_CONTROLS
    )


def _false_places(flags: list[bool]) -> list[int]:
    found, place = [], -1
    for _ in range(flags.count(False)):
        place = flags.index(False, place + 1)
        found.append(place)
    return found
