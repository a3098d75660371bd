# SPDX-License-Identifier: Apache-2.0
"""What a target says, by value: two targets with equal contents transpile alike."""

from __future__ import annotations

from typing import Any

from qiskit.circuit import ControlledGate, Gate, Instruction, Parameter
from qiskit.transpiler import InstructionProperties, Target

_OPEN = (ControlledGate, Gate, Instruction)
"""Classes whose instances are told apart by more than their class and parameters."""


class _NoContentError(Exception):
    """The target has something that cannot be compared by value."""


def target_content(target: Target) -> tuple[Any, ...] | None:
    """Return what a target says, or None if not all of it can be compared.

    Nothing of it changes when the target does. Properties of qubits do not count: no pass looks
    at them.
    """
    if getattr(target, "has_angle_bounds", bool)():
        return None
    measured = target.concurrent_measurements
    try:
        gates = [
            (name, _operation(target.operation_from_name(name)), _places(places))
            for name, places in target.items()
        ]
    except _NoContentError:
        return None
    return (
        *(type(target), target.num_qubits, target.dt, target.granularity, target.min_length),
        *(target.pulse_alignment, target.acquire_alignment, target.description),
        None if measured is None else [list(group) for group in measured],
        gates,
    )


def _places(places: Any) -> list[tuple[Any, ...]]:
    return [(qubits, _properties(properties)) for qubits, properties in places.items()]


def _properties(properties: Any) -> tuple[Any, ...] | None:
    if properties is None:
        return None
    if type(properties) is not InstructionProperties:
        raise _NoContentError
    return (properties.duration, properties.error)


def _operation(operation: Any) -> Any:
    if isinstance(operation, type):
        return operation
    kind = getattr(operation, "base_class", type(operation))
    inner: Any = None
    if kind is ControlledGate:
        inner = (operation.num_ctrl_qubits, _operation(operation.base_gate))
    elif kind in _OPEN or not str(kind.__module__).startswith("qiskit."):
        raise _NoContentError
    return (
        *(kind, operation.name, operation.num_qubits, operation.num_clbits, operation.label),
        *(getattr(operation, "ctrl_state", None), getattr(operation, "unit", None)),
        _parameters(operation.params),
        inner,
    )


def _parameters(values: Any) -> list[tuple[Any, ...]]:
    """Return parameters with symbols by their place, for each target may have its own."""
    symbols: dict[Any, int] = {}
    found: list[tuple[Any, ...]] = []
    for value in values:
        if isinstance(value, Parameter):
            found.append(("symbol", symbols.setdefault(value, len(symbols))))
        elif isinstance(value, int | float | str):
            found.append((type(value), value))
        else:
            raise _NoContentError
    return found
