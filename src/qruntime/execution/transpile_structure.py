# SPDX-License-Identifier: Apache-2.0
"""What identifies a circuit to the transpiler: its structure apart from the angles of its gates."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import (
    Barrier,
    BreakLoopOp,
    ContinueLoopOp,
    ControlledGate,
    Delay,
    ForLoopOp,
    Gate,
    IfElseOp,
    Instruction,
    Measure,
    ParameterExpression,
    Reset,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.library import UnitaryGate

from qruntime.execution.instructions import is_fixed_gate, read_columns, read_labels

Key = tuple[Any, ...]

_NUMBERS = (bool, int, float, complex, str)


class UnkeyableError(Exception):
    """The circuit has something whose content cannot be told from outside."""


@dataclass(frozen=True, slots=True)
class CircuitKey:
    """``structure`` and ``values`` together say what a circuit does, its global phase aside.

    ``values`` are the parameters of the standard gates at the top level, in their order.
    ``plain`` is whether nothing in the circuit is an object that Python code could change,
    ``bytes`` about what the structure takes of memory.
    """

    structure: Key
    values: list[Any]
    phase: Any
    plain: bool
    bytes: int


def circuit_key(circuit: Any) -> CircuitKey:
    """Return the key of a circuit. Names, metadata and a layout are no part of it.

    Raises:
        UnkeyableError: the circuit is of a class of its own, or has instructions or variables that
            no key can hold.
    """
    if type(circuit) is not QuantumCircuit:
        raise UnkeyableError
    data = circuit._data
    if circuit.num_identifiers or circuit._op_start_times is not None:
        raise UnkeyableError
    columns = read_columns(data)
    plain, extra = True, 0
    others: list[Hashable] = []
    for place in columns.others:
        item = columns.items[place]
        operation = item.operation
        kind = _kind(operation)
        if kind in _SIMPLE:
            others.append((place, kind, item.clbits))
            continue
        others.append((place, item.clbits, _operation_key(operation)))
        if kind is UnitaryGate:
            extra += 16 * 4**operation.num_qubits
        elif kind is not Delay:
            plain, extra = False, extra + _NESTED_BYTES
    structure = (
        *(tuple(data.qubits), tuple(data.clbits), tuple(data.qregs), tuple(data.cregs)),
        *(columns.names, read_labels(columns.items), columns.qubits, tuple(others)),
    )
    size = 400 * len(columns.items) + extra
    return CircuitKey(structure, columns.params, data.global_phase, plain, size)


_SIMPLE = frozenset({Barrier, Measure, Reset})
"""What is told by its class, its label and its bits."""

_PLAIN = (Barrier, Delay, Measure, Reset, UnitaryGate)
"""Besides standard gates, what a circuit holds by value: ``operation`` makes a new object."""

_NESTED_BYTES = 8000


def is_plain_item(item: Any) -> bool:
    """Return whether a copy of a circuit's instruction shares nothing that can change with it."""
    return bool(item.is_standard_gate()) or isinstance(item.operation, _PLAIN)


def _kind(operation: Any) -> type:
    """Return an operation's class; an annotated operation is no instruction and has its own."""
    kind: type = getattr(operation, "base_class", type(operation))
    return kind


def _operation_key(operation: Any) -> Key:
    kind = _kind(operation)
    read = _READERS.get(kind)
    if read is None and is_fixed_gate(kind):
        read = _read_standard
    if read is None:
        raise UnkeyableError
    return (kind, operation.num_qubits, operation.label, *read(operation))


def _read_standard(gate: Any) -> Key:
    return (gate.name, getattr(gate, "ctrl_state", None), *_parameters(gate))


def _read_custom(operation: Any) -> Key:
    if operation.definition is None:
        raise UnkeyableError
    inner = _nested(operation.definition)
    return (operation.name, operation.num_clbits, *_parameters(operation), inner)


def _read_controlled(gate: Any) -> Key:
    return (gate.name, gate.num_ctrl_qubits, gate.ctrl_state, _operation_key(gate.base_gate))


def _read_unitary(gate: Any) -> Key:
    matrix = gate.params[0]
    return (matrix.shape, matrix.dtype.str, matrix.tobytes())


def _read_delay(delay: Any) -> Key:
    return (delay.unit, *_parameters(delay))


def _read_nothing(_operation: Any) -> Key:
    return ()


def _read_conditional(operation: Any) -> Key:
    condition = operation.condition
    if not isinstance(condition, tuple):
        raise UnkeyableError
    return (*condition, *map(_nested, operation.blocks))


def _read_for(operation: Any) -> Key:
    indices, parameter, body = operation.params
    return (type(indices), tuple(indices), parameter, _nested(body))


def _read_switch(operation: Any) -> Key:
    if type(operation.target).__module__.startswith("qiskit.circuit.classical"):
        raise UnkeyableError
    labels = tuple(labels for labels, _ in operation.cases_specifier())
    return (operation.target, labels, *map(_nested, operation.blocks))


_READERS: dict[type, Callable[[Any], Key]] = {
    Barrier: _read_nothing,
    BreakLoopOp: _read_nothing,
    ContinueLoopOp: _read_nothing,
    ControlledGate: _read_controlled,
    Delay: _read_delay,
    ForLoopOp: _read_for,
    Gate: _read_custom,
    IfElseOp: _read_conditional,
    Instruction: _read_custom,
    Measure: _read_nothing,
    Reset: _read_nothing,
    SwitchCaseOp: _read_switch,
    UnitaryGate: _read_unitary,
    WhileLoopOp: _read_conditional,
}


def _parameters(operation: Any) -> Key:
    found: list[Hashable] = []
    for value in operation.params:
        if not isinstance(value, (*_NUMBERS, ParameterExpression)):
            raise UnkeyableError
        found.append((type(value), value))
    return tuple(found)


def _nested(circuit: Any) -> Key:
    inner = circuit_key(circuit)
    return (inner.structure, tuple(inner.values), inner.phase)
