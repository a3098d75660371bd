# SPDX-License-Identifier: Apache-2.0
"""What ``run`` is given, made into a list of bound circuits, or refused before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.circuit import Parameter, ParameterVector
from qiskit.exceptions import MissingOptionalLibraryError, QiskitError

from qruntime.errors import InvalidCircuitError, InvalidInputError, MissingDependencyError

_VERSION = re.compile(r"^\s*OPENQASM\s+(\d+)", re.MULTILINE)
_ALLOWED = "a circuit is a QuantumCircuit or OpenQASM 2 or 3 text"


def read_circuits(circuits: Any, run_input: Any = None) -> list[QuantumCircuit]:
    """Return the circuits of a call of ``run``; ``run_input`` is the newer name of ``circuits``.

    Raises:
        InvalidCircuitError: there is none, or one is not a circuit.
    """
    if circuits is not None and run_input is not None:
        raise InvalidInputError("give the circuits once: as 'circuits' or as 'run_input', not both")
    given = run_input if circuits is None else circuits
    if given is None:
        raise InvalidCircuitError(f"no circuits were given; {_ALLOWED}, or a list of them")
    if isinstance(given, QuantumCircuit | str) or not isinstance(given, Iterable):
        return [_read(given, 0)]
    found = [_read(item, index) for index, item in enumerate(given)]
    if not found:
        raise InvalidCircuitError("the list of circuits is empty: there is nothing to run")
    return found


def _read(item: Any, index: int) -> QuantumCircuit:
    if isinstance(item, QuantumCircuit):
        return item
    if isinstance(item, str):
        return _parse(item, index)
    raise InvalidCircuitError(
        f"circuit {index} is a {type(item).__name__}; {_ALLOWED}", index=index
    )


def _parse(text: str, index: int) -> QuantumCircuit:
    version = _VERSION.search(text)
    if version is None or version[1] not in ("2", "3"):
        raise InvalidCircuitError(
            f"circuit {index} is text that does not declare OPENQASM 2 or 3", index=index
        )
    try:
        if version[1] == "3":
            return qasm3.loads(text)
        return qasm2.loads(
            text,
            include_path=(),
            custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
            custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
        )
    except MissingOptionalLibraryError as error:
        raise MissingDependencyError(
            f"circuit {index} is OpenQASM 3, which needs a package: pip install 'qruntime[qasm3]'"
        ) from error
    except QiskitError as error:
        raise InvalidCircuitError(
            f"circuit {index} is not valid OpenQASM {version[1]}: {error}", index=index
        ) from error


def bind_parameters(
    circuits: Sequence[QuantumCircuit], parameter_binds: Any
) -> list[QuantumCircuit]:
    """Return the bound circuits for both dialects of ``parameter_binds``.

    A list of dicts with single values runs every circuit with every dict, circuit by circuit. A list
    with one dict a circuit, whose values are lists of equal length, runs each circuit with its own.
    Keys are parameters, parameter vectors or parameter names.

    Raises:
        InvalidCircuitError: a parameter has no value.
        InvalidInputError: the binds do not fit the circuits.
    """
    if parameter_binds:
        rows = _rows(circuits, parameter_binds)
        circuits = [
            _bind(circuit, row, index)
            for index, circuit in enumerate(circuits)
            for row in rows[index]
        ]
    for index, circuit in enumerate(circuits):
        if circuit.num_parameters:
            names = ", ".join(f"'{parameter.name}'" for parameter in list(circuit.parameters)[:8])
            more = f" and {circuit.num_parameters - 8} more" if circuit.num_parameters > 8 else ""
            raise InvalidCircuitError(
                f"circuit {index} ('{circuit.name}') has unbound parameters: {names}{more}; give "
                "parameter_binds=, or bind them with circuit.assign_parameters()",
                index=index,
            )
    return list(circuits)


Row = dict[Parameter | str, float]


def _rows(circuits: Sequence[QuantumCircuit], parameter_binds: Any) -> list[list[Row]]:
    binds = [parameter_binds] if isinstance(parameter_binds, Mapping) else list(parameter_binds)
    for place, item in enumerate(binds):
        if not isinstance(item, Mapping):
            raise InvalidInputError(
                f"parameter_binds[{place}] is a {type(item).__name__}; it must be a dict of "
                "parameters to values"
            )
    columns = [_columns(item) for item in binds]
    listed = {np.ndim(values) for item in columns for values in item.values()}
    if listed <= {0}:
        shared: list[Row] = [{key: float(value) for key, value in item.items()} for item in columns]
        return [shared] * len(circuits)
    if listed != {1}:
        raise InvalidInputError(
            "parameter_binds mixes single values and lists; give single values (every dict runs with "
            "every circuit) or lists (one dict a circuit)"
        )
    if len(columns) != len(circuits):
        raise InvalidInputError(
            f"parameter_binds has {len(columns)} dicts of lists for {len(circuits)} circuits; it "
            "must have one a circuit"
        )
    return [_transposed(item, place) for place, item in enumerate(columns)]


def _columns(binds: Mapping[Any, Any]) -> dict[Parameter | str, Any]:
    columns: dict[Parameter | str, Any] = {}
    for key, values in binds.items():
        if isinstance(key, ParameterVector):
            by_element = np.moveaxis(np.asarray(values, dtype=float), -1, 0)
            if len(by_element) != len(key):
                raise InvalidInputError(
                    f"parameter_binds gives {len(by_element)} values for the {len(key)} elements of "
                    f"'{key.name}'"
                )
            columns.update(zip(key, by_element, strict=True))
        else:
            columns[key] = values
    return columns


def _transposed(columns: Mapping[Parameter | str, Sequence[float]], place: int) -> list[Row]:
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise InvalidInputError(
            f"parameter_binds[{place}] has lists of different lengths: {sorted(lengths)}"
        )
    keys = list(columns)
    return [
        {key: float(value) for key, value in zip(keys, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]


def _bind(circuit: QuantumCircuit, row: Row, index: int) -> QuantumCircuit:
    try:
        return circuit.assign_parameters(row)
    except QiskitError as error:
        raise InvalidInputError(
            f"parameter_binds does not fit circuit {index} ('{circuit.name}'): {error}"
        ) from error


def check_instructions(
    circuits: Sequence[QuantumCircuit], known: frozenset[str], *, backend: str
) -> None:
    """Refuse instructions that the backend does not have, also inside control flow.

    Raises:
        InvalidCircuitError: names the circuit and the instruction.
    """
    for index, circuit in enumerate(circuits):
        unknown = instruction_names(circuit) - known
        if unknown:
            listed = ", ".join(f"'{name}'" for name in sorted(unknown))
            raise InvalidCircuitError(
                f"circuit {index} ('{circuit.name}') has instructions that '{backend}' does not "
                f"have: {listed}; transpile(circuit, backend) translates them",
                index=index,
            )


def instruction_names(circuit: QuantumCircuit) -> set[str]:
    """Return the names of a circuit's instructions, those inside control flow too."""
    names = set(circuit.count_ops())
    for instruction in circuit.data:
        for block in getattr(instruction.operation, "blocks", ()):
            names |= instruction_names(block)
    return names


def active_qubits(circuit: QuantumCircuit) -> int:
    """Return how many qubits anything but a barrier acts on."""
    return len(
        {
            qubit
            for instruction in circuit.data
            if instruction.operation.name != "barrier"
            for qubit in instruction.qubits
        }
    )
