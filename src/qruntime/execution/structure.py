# SPDX-License-Identifier: Apache-2.0
"""A hashable key of everything that a compiled program depends on in a circuit."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
from qiskit.circuit import (
    Barrier,
    Delay,
    Measure,
    ParameterExpression,
    QuantumCircuit,
    Reset,
)
from qiskit.circuit.library import DiagonalGate, PauliGate, PermutationGate, UnitaryGate

from qruntime.execution.unsupported import NotSupportedError

_STANDARD = "qiskit.circuit.library.standard_gates."
_PLAIN = (Barrier, Delay, Measure, Reset, DiagonalGate, PauliGate, PermutationGate, UnitaryGate)


def structure_key(circuit: QuantumCircuit) -> Hashable:
    """Return a key that two circuits share only if one program serves both.

    It holds the operations with their places and parameters (numbers by value, symbols by
    identity), the definitions of custom gates, the data of unitaries, the registers and the global
    phase. Names of circuits and metadata are left out.

    Raises:
        NotSupportedError: an operation, or a parameter of one, cannot be compared.
    """
    places = {bit: k for k, bit in enumerate(circuit.qubits)}
    shown = {bit: k for k, bit in enumerate(circuit.clbits)}
    operations: list[Hashable] = []
    for instruction in circuit.data:
        if instruction.is_standard_gate():
            operations.append(instruction.name)
            if instruction.params:
                operations.append(_values(instruction.params))
        else:
            operations.append(_operation(instruction.operation))
        operations.append(tuple([places[bit] for bit in instruction.qubits]))
        if instruction.clbits:
            operations.append(tuple([shown[bit] for bit in instruction.clbits]))
    registers = tuple((r.name, tuple(shown[bit] for bit in r)) for r in circuit.cregs)
    return (
        len(places),
        len(shown),
        registers,
        _value(circuit.global_phase),
        tuple(circuit.parameters),
        tuple(operations),
    )


def _operation(operation: Any) -> Hashable:
    kind = getattr(operation, "base_class", type(operation))
    params = getattr(operation, "params", ())
    state = getattr(operation, "ctrl_state", None)
    width = operation.num_qubits
    if kind in _PLAIN or kind.__module__.startswith(_STANDARD):
        return (kind, width, state, _values(params))
    definition = getattr(operation, "definition", None)
    if definition is not None:
        return (kind, width, state, structure_key(definition))
    if hasattr(operation, "base_op"):
        modifiers = tuple(repr(modifier) for modifier in operation.modifiers)
        return (kind, width, modifiers, _operation(operation.base_op))
    raise NotSupportedError(f"the instruction '{operation.name}' has nothing to be compared by")


def _values(values: Iterable[Any]) -> tuple[Hashable, ...]:
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
