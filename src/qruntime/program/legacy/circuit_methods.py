# SPDX-License-Identifier: Apache-2.0
"""Methods that Qiskit dropped from circuits and instructions, as plain functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import qiskit.circuit.library as gates
from qiskit import QuantumCircuit, qasm2
from qiskit.circuit import CircuitInstruction, ClassicalRegister, IfElseOp, ParameterExpression

from qruntime.errors import InvalidCircuitError, MissingDependencyError, UnsupportedOptionError

_OLD_STACK = "run the program on a worker image with an old stack (RuntimeOptions.image)"


def renamed(name: str) -> Callable[..., Any]:
    """Return a method that calls the one of another name."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, name)(*args, **kwargs)

    method.__name__ = name
    return method


def gate(kind: Callable[..., Any], angles: tuple[str, ...], qubits: tuple[str, ...]) -> Any:
    """Return a method that appends a gate: first its angles, then its qubits."""
    names = (*angles, *qubits)

    def method(self: QuantumCircuit, *args: Any, **kwargs: Any) -> Any:
        given = dict(zip(names, args, strict=False))
        options = {key: value for key, value in kwargs.items() if key not in names}
        values = {**given, **kwargs}
        missing = [name for name in names if name not in values]
        if missing or len(args) > len(names):
            raise TypeError(f"{kind.__name__} takes {', '.join(names)}")
        made = kind(*(values[name] for name in angles), **options)
        return self.append(made, [values[name] for name in qubits])

    return method


def bind_parameters(self: QuantumCircuit, values: Any) -> QuantumCircuit:
    """Return a copy of the circuit with numbers for parameters."""
    given = values.values() if isinstance(values, Mapping) else values
    if any(isinstance(value, ParameterExpression) for value in given):
        raise TypeError("bind_parameters takes numbers; for expressions use assign_parameters")
    return self.assign_parameters(values)


def qasm(
    self: QuantumCircuit,
    formatted: bool = False,
    filename: str | None = None,
    encoding: str | None = None,
) -> str | None:
    """Return the circuit as OpenQASM 2, print it if ``formatted``, write it to ``filename``."""
    text: str = qasm2.dumps(self)
    if filename:
        Path(filename).write_text(text, encoding=encoding)
    if formatted:
        print(text)  # noqa: T201  what the method was for
        return None
    return text


def squ(
    self: QuantumCircuit,
    unitary_matrix: Any,
    qubit: Any,
    mode: str = "ZYZ",
    up_to_diagonal: bool = False,
) -> Any:
    """Append a one-qubit unitary given by its matrix; ``mode`` concerned only its decomposition."""
    if up_to_diagonal:
        raise UnsupportedOptionError(
            f"squ: up_to_diagonal (mode {mode}) cannot be honoured any more"
        )
    return self.append(gates.UnitaryGate(unitary_matrix), [qubit])


def mcu1(self: QuantumCircuit, lam: Any, control_qubits: Any, target_qubit: Any) -> Any:
    """Append a phase gate with many controls."""
    return self.mcp(lam, control_qubits, target_qubit)


def diagonal(self: QuantumCircuit, diag: Any, qubit: Any) -> Any:
    """Append a diagonal gate."""
    return self.append(gates.DiagonalGate(list(diag)), _as_qubits(qubit))


def hamiltonian(
    self: QuantumCircuit, operator: Any, time: Any, qubits: Any, label: str | None = None
) -> Any:
    """Append the evolution under a Hamiltonian for a time."""
    made = gates.HamiltonianGate(operator, time, label=label)
    return self.append(made, _as_qubits(qubits))


def isometry(
    self: QuantumCircuit,
    isometry: Any,
    q_input: Any,
    q_ancillas_for_output: Any,
    q_ancillas_zero: Any = None,
    q_ancillas_dirty: Any = None,
) -> Any:
    """Append an isometry."""
    places = (q_input, q_ancillas_for_output, q_ancillas_zero, q_ancillas_dirty)
    wires = [_as_qubits(qubits) if qubits is not None else [] for qubits in places]
    made = gates.Isometry(isometry, len(wires[2]), len(wires[3]))
    return self.append(made, [qubit for part in wires for qubit in part])


def uniformly_controlled(kind: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that appends a gate chosen by the state of its controls."""

    def method(self: QuantumCircuit, choices: Any, controls: Any, target: Any) -> Any:
        wires = [*_as_qubits(target), *_as_qubits(controls)]
        return self.append(kind(list(choices)), wires)

    return method


def c_if(self: Any, classical: Any, val: int) -> Any:
    """Make the instructions just appended conditional: each becomes an if without an else.

    Raises InvalidCircuitError where the instruction is not in a circuit yet.
    """
    if val < 0:
        raise InvalidCircuitError(f"c_if: the value must not be negative, it is {val}")
    for data, index in _places(self):
        data[index] = _conditional(data[index], _resource(self, classical), val)
    return self


def c_if_of_instruction(self: Any, *_condition: Any, **_by_name: Any) -> NoReturn:
    """Refuse: an instruction that is in no circuit cannot carry a condition any more."""
    raise InvalidCircuitError(
        f"c_if on {self.name!r} before it is in a circuit is gone: append it, as in "
        "circuit.x(0).c_if(clbit, 1), or write: with circuit.if_test((clbit, 1)): ..."
    )


def no_pulses(_self: Any, *_args: Any, **_kwargs: Any) -> NoReturn:
    """Refuse: pulses and calibrations are gone."""
    raise MissingDependencyError(f"pulse calibrations left Qiskit: {_OLD_STACK}")


def no_snapshot(_self: Any, *_args: Any, **_kwargs: Any) -> NoReturn:
    """Refuse: snapshots are gone, Aer has save instructions."""
    raise MissingDependencyError(
        "snapshot left Qiskit: use circuit.save_statevector() and the like (import qiskit_aer), or "
        f"{_OLD_STACK}"
    )


def _as_qubits(qubits: Any) -> list[Any]:
    return list(qubits) if hasattr(qubits, "__iter__") else [qubits]


def _places(instructions: Any) -> list[tuple[Any, int]]:
    places = instructions._instructions
    if any(isinstance(place, CircuitInstruction) for place in places):
        raise InvalidCircuitError("c_if: these instructions are in no circuit; append them first")
    return list(places)


def _resource(instructions: Any, classical: Any) -> Any:
    requester = instructions._requester
    return classical if requester is None else requester(classical)


def _conditional(item: CircuitInstruction, resource: Any, val: int) -> CircuitInstruction:
    if isinstance(item.operation, IfElseOp):
        raise InvalidCircuitError("c_if: the instruction has a condition already")
    bits = list(resource) if isinstance(resource, ClassicalRegister) else [resource]
    clbits = list(dict.fromkeys([*item.clbits, *bits]))
    body = QuantumCircuit(list(item.qubits), clbits)
    if isinstance(resource, ClassicalRegister):
        body.add_register(resource)
    body.append(item.operation, item.qubits, item.clbits)
    value: int | bool = val if isinstance(resource, ClassicalRegister) else bool(val)
    return CircuitInstruction(IfElseOp((resource, value), body), item.qubits, clbits)
