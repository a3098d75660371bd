# SPDX-License-Identifier: Apache-2.0
"""What ``run`` is given, made into a list of bound circuits, or refused before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.circuit import Parameter, ParameterVector
from qiskit.exceptions import MissingOptionalLibraryError, QiskitError
from qiskit.transpiler import Target

from qruntime.errors import InvalidCircuitError, InvalidInputError, MissingDependencyError

_VERSION = re.compile(r"^\s*OPENQASM\s+(\d+)", re.MULTILINE)
_SINGLE = frozenset({int, float, np.float64})
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
    except Exception as error:  # the parser of OpenQASM 3 raises errors of its own kinds
        reason = str(error) or type(error).__name__
        raise InvalidCircuitError(
            f"circuit {index} is not valid OpenQASM {version[1]}: {reason}", index=index
        ) from error


def bind_parameters(
    circuits: Sequence[QuantumCircuit], parameter_binds: Any
) -> list[QuantumCircuit]:
    """Return the bound circuits for both dialects of ``parameter_binds``.

    A list of dicts with single values runs every circuit with every dict, circuit by circuit. A
    list with one dict a circuit, whose values are lists of equal length, runs each circuit with
    its own; an empty dict runs its circuit once.
    Keys are parameters, parameter vectors or parameter names.

    Raises:
        InvalidCircuitError: a parameter has no value.
        InvalidInputError: the binds do not fit the circuits.
    """
    return [bound for work in read_works(circuits, parameter_binds) for bound in work.bound()]


Row: TypeAlias = dict[Parameter | str, float]
Column: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Work:
    """A circuit to run: once, or with each row of values of its parameters, in their order."""

    circuit: QuantumCircuit
    rows: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return 1 if self.rows is None else len(self.rows)

    def bound(self) -> Iterator[QuantumCircuit]:
        """Yield the circuit with each row bound, under its own name."""
        if self.rows is None:
            yield self.circuit
            return
        for row in self.rows.tolist():
            made = self.circuit.assign_parameters(row)
            made.name = self.circuit.name
            yield made


def read_works(circuits: Sequence[QuantumCircuit], parameter_binds: Any) -> list[Work]:
    """Return what is to be run for both dialects of ``parameter_binds``; see ``bind_parameters``.

    Raises:
        InvalidCircuitError: a parameter has no value.
        InvalidInputError: the binds do not fit the circuits.
    """
    rows = _rows(circuits, _binds(parameter_binds))
    return [
        work
        for index, circuit in enumerate(circuits)
        for work in _works(circuit, rows[index], index)
    ]


def _works(circuit: QuantumCircuit, rows: list[Row], index: int) -> list[Work]:
    """Return one piece of work if every row has exactly the circuit's parameters."""
    order = list(circuit.parameters) if circuit.num_parameters else []
    wanted = set(order)
    matrix = []
    for row in rows:
        values = _named(row, order)
        if values is None or values.keys() != wanted:
            return [Work(_bind(circuit, each, index)) for each in rows]
        matrix.append([values[parameter] for parameter in order])
    return [Work(circuit, np.array(matrix) if order else None)]


def _named(row: Row, order: list[Parameter]) -> Mapping[Any, float] | None:
    """Return a row with parameters in place of their names, or None if it has one twice."""
    if str not in map(type, row):
        return row
    names = {parameter.name: parameter for parameter in order}
    found = {names.get(key, key) if isinstance(key, str) else key: row[key] for key in row}
    return found if len(found) == len(row) else None


def _binds(parameter_binds: Any) -> list[Mapping[Any, Any]]:
    if parameter_binds is None:
        return []
    if isinstance(parameter_binds, Mapping):
        return [parameter_binds]
    if not isinstance(parameter_binds, Iterable):
        raise InvalidInputError(
            f"parameter_binds is a {type(parameter_binds).__name__}; it must be a list of dicts"
        )
    binds = list(parameter_binds)
    for place, item in enumerate(binds):
        if not isinstance(item, Mapping):
            raise InvalidInputError(
                f"parameter_binds[{place}] is a {type(item).__name__}; it must be a dict of "
                "parameters to values"
            )
    return binds


def _rows(circuits: Sequence[QuantumCircuit], binds: list[Mapping[Any, Any]]) -> list[list[Row]]:
    plain = [_plain_row(item) for item in binds]
    if any(plain) and None not in plain:
        return [[row for row in plain if row is not None]] * len(circuits)
    columns = [_columns(item, place) for place, item in enumerate(binds)]
    ranks = {values.ndim for item in columns for values in item.values()}
    if not any(columns):
        return [[{}]] * len(circuits)
    if ranks == {0}:
        return [[_row(item) for item in columns]] * len(circuits)
    if ranks != {1}:
        raise InvalidInputError(
            "parameter_binds mixes single values and lists; give single values (every dict runs "
            "with every circuit) or lists (one dict a circuit)"
        )
    if len(columns) != len(circuits):
        raise InvalidInputError(
            f"parameter_binds has {len(columns)} dicts of lists for {len(circuits)} circuits; it "
            "must have one a circuit"
        )
    return [_transposed(item, place) for place, item in enumerate(columns)]


def _plain_row(binds: Mapping[Any, Any]) -> Row | None:
    """Return a dict of single finite numbers as it is, or None for whatever needs a closer look."""
    values = binds.values()
    if not {*map(type, values)} <= _SINGLE or not all(map(isfinite, values)):
        return None
    if not all(isinstance(key, Parameter | str) for key in binds):
        return None
    return {key: float(value) for key, value in binds.items()}


def _columns(binds: Mapping[Any, Any], place: int) -> dict[Parameter | str, Column]:
    columns: dict[Parameter | str, Column] = {}
    for key, values in binds.items():
        if not isinstance(key, Parameter | ParameterVector | str):
            raise InvalidInputError(
                f"parameter_binds[{place}] has a key of type {type(key).__name__}; keys are "
                "parameters, parameter vectors or parameter names"
            )
        numbers = _numbers(values, getattr(key, "name", key), place)
        if not isinstance(key, ParameterVector):
            columns[key] = numbers
            continue
        if numbers.ndim == 0 or numbers.shape[-1] != len(key):
            raise InvalidInputError(
                f"parameter_binds[{place}] gives values of shape {numbers.shape} for the "
                f"{len(key)} elements of '{key.name}'"
            )
        columns.update(zip(key, np.moveaxis(numbers, -1, 0), strict=True))
    return {key: np.asarray(values) for key, values in columns.items()}


def _numbers(values: Any, name: object, place: int) -> Column:
    try:
        numbers = np.asarray(values)
        if numbers.dtype.kind not in "US":
            casting: Any = "unsafe" if numbers.dtype == object else "safe"
            numbers = numbers.astype(float, casting=casting)
            if np.all(np.isfinite(numbers)):
                return numbers
    except (TypeError, ValueError, QiskitError):
        pass
    raise InvalidInputError(
        f"parameter_binds[{place}] has no finite number, or list of such numbers, for '{name}'"
    )


def _transposed(columns: Mapping[Parameter | str, Column], place: int) -> list[Row]:
    if not columns:
        return [{}]
    lengths = sorted({len(values) for values in columns.values()})
    if len(lengths) > 1 or lengths == [0]:
        raise InvalidInputError(
            f"parameter_binds[{place}] has lists of these lengths: {lengths}; all must have the "
            "same, and at least one value"
        )
    return [
        _row({key: values[number] for key, values in columns.items()})
        for number in range(lengths[0])
    ]


def _row(values: Mapping[Parameter | str, Any]) -> Row:
    return {key: float(value) for key, value in values.items()}


def _bind(circuit: QuantumCircuit, row: Row, index: int) -> QuantumCircuit:
    try:
        bound = circuit.assign_parameters(row) if row else circuit
    except (QiskitError, KeyError) as error:
        raise InvalidInputError(
            f"parameter_binds does not fit circuit {index} ('{circuit.name}'): {error}"
        ) from error
    if bound.num_parameters:
        names = ", ".join(f"'{parameter.name}'" for parameter in list(bound.parameters)[:8])
        more = f" and {bound.num_parameters - 8} more" if bound.num_parameters > 8 else ""
        raise InvalidCircuitError(
            f"circuit {index} ('{circuit.name}') has unbound parameters: {names}{more}; give "
            "parameter_binds=, or bind them with circuit.assign_parameters()",
            index=index,
        )
    return bound


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
    if circuit.has_control_flow_op():
        for instruction in circuit.data:
            for block in getattr(instruction.operation, "blocks", ()):
                names |= instruction_names(block)
    return names


def check_on_device(circuits: Sequence[QuantumCircuit], target: Target, *, backend: str) -> None:
    """Refuse circuits that are wider than the device or act where it has no such instruction.

    Instructions that the target does not name are not looked at.

    Raises:
        InvalidCircuitError: names the circuit, the instruction and the qubits.
    """
    width = target.num_qubits
    for index, circuit in enumerate(circuits):
        if width is not None and circuit.num_qubits > width:
            raise InvalidCircuitError(
                f"circuit {index} ('{circuit.name}') has {circuit.num_qubits} qubits; '{backend}' "
                f"has {width}",
                index=index,
            )
        for name, qubits in sorted(_uses(circuit, range(circuit.num_qubits))):
            known = name in target.operation_names
            if known and not target.instruction_supported(name, qubits):
                raise InvalidCircuitError(
                    f"circuit {index} ('{circuit.name}') has '{name}' on qubits {qubits}, which "
                    f"'{backend}' does not have there; transpile(circuit, backend) routes "
                    "circuits to the device",
                    index=index,
                )


def _uses(circuit: QuantumCircuit, wires: Sequence[int]) -> set[tuple[str, tuple[int, ...]]]:
    """Return what acts on which of the outermost circuit's qubits, inside control flow too."""
    places = dict(zip(circuit.qubits, wires, strict=True))
    found: set[tuple[str, tuple[int, ...]]] = set()
    for instruction in circuit.data:
        qubits = tuple(places[qubit] for qubit in instruction.qubits)
        blocks = getattr(instruction.operation, "blocks", ())
        for block in blocks:
            found |= _uses(block, qubits)
        if not blocks:
            found.add((instruction.name, qubits))
    return found


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
