# SPDX-License-Identifier: Apache-2.0
"""A hashable key of everything that a compiled program depends on in a circuit."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np
from qiskit.circuit import (
    Barrier,
    Delay,
    Measure,
    Parameter,
    ParameterExpression,
    ParameterVectorElement,
    QuantumCircuit,
    Reset,
)
from qiskit.circuit.library import DiagonalGate, PauliGate, PermutationGate, UnitaryGate

from qruntime.execution.instructions import is_fixed_gate, read_columns, read_labels
from qruntime.execution.unsupported import NotSupportedError

_COMPARED = frozenset({float, int, Parameter, ParameterExpression, ParameterVectorElement})
_SIMPLE = frozenset({Barrier, Measure, Reset})
_PLAIN = (Barrier, Delay, Measure, Reset, DiagonalGate, PauliGate, PermutationGate, UnitaryGate)


class StructureKey:
    """A circuit's structure, to look up: hashed once, and cheaply, for symbols are slow to hash."""

    __slots__ = ("_hash", "_parts", "_values")

    def __init__(self, parts: tuple[Hashable, ...], values: tuple[Hashable, ...]) -> None:
        self._parts = parts
        self._values = values
        numbers = all(map(isinstance, values, repeat(float)))
        self._hash = hash((parts, values if numbers else len(values)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, StructureKey)
            and self._hash == other._hash
            and self._values == other._values
            and self._parts == other._parts
        )


def structure_key(circuit: QuantumCircuit) -> Hashable:
    """Return a key that two circuits share only if one program serves both.

    It holds the operations with their places, labels and parameters (numbers by value, symbols by
    identity), the names and definitions of custom gates, the data of unitaries, the units of
    delays, the registers and the global phase. Names of circuits and metadata are left out.

    Raises:
        NotSupportedError: an operation, or a parameter of one, cannot be compared.
    """
    places = {bit: k for k, bit in enumerate(circuit.qubits)}
    shown = {bit: k for k, bit in enumerate(circuit.clbits)}
    columns = read_columns(circuit._data)
    others: list[Hashable] = []
    custom = False
    for place in columns.others:
        item = columns.items[place]
        operation = item.operation
        kind = getattr(operation, "base_class", None)
        simple = kind in _SIMPLE
        custom = custom or not simple
        read = (kind, len(item.qubits)) if simple else _operation(operation)
        others.append((place, read, tuple([shown[bit] for bit in item.clbits])))
    parts = (
        *(len(places), len(shown), _phase(circuit.global_phase)),
        tuple([(r.name, tuple([shown[bit] for bit in r])) for r in circuit.cregs]),
        tuple(circuit.parameters) if custom else (),
        columns.names,
        read_labels(columns.items),
        tuple(map(places.__getitem__, chain.from_iterable(columns.qubits))),
        tuple(others),
    )
    return StructureKey(parts, _values(columns.params))


def _operation(operation: Any) -> Hashable:
    kind = getattr(operation, "base_class", type(operation))
    label = getattr(operation, "label", None)
    shown: tuple[Any, ...] = (kind, operation.num_qubits, operation.name, label)
    if hasattr(operation, "base_op"):
        modifiers = tuple(repr(modifier) for modifier in operation.modifiers)
        return (*shown, modifiers, _operation(operation.base_op))
    values = _values(getattr(operation, "params", ()))
    shown = (*shown, getattr(operation, "ctrl_state", None), values)
    if kind is Delay:
        return (*shown, operation.unit)
    if kind in _PLAIN or is_fixed_gate(kind):
        return shown
    definition = getattr(operation, "definition", None)
    if definition is not None:
        return (*shown, structure_key(definition))
    raise NotSupportedError(f"the instruction '{operation.name}' has nothing to be compared by")


def _phase(phase: Any) -> Hashable:
    """Return a phase to compare; Qiskit may hold 2 pi, of which its copies make 0."""
    return phase % math.tau if isinstance(phase, float) else _value(phase)


def _values(values: Sequence[Any]) -> tuple[Hashable, ...]:
    if _COMPARED.issuperset(map(type, values)):
        return tuple(values)
    return tuple([_value(value) for value in values])


def _value(value: Any) -> Hashable:
    if isinstance(value, (float, int, str, ParameterExpression)):
        return value
    if isinstance(value, (complex, np.generic)):
        return complex(value)
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str, value.tobytes())
    if isinstance(value, QuantumCircuit):
        return structure_key(value)
    raise NotSupportedError(f"a parameter of type {type(value).__name__} cannot be compared")
