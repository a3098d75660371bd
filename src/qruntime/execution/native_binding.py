# SPDX-License-Identifier: Apache-2.0
"""Where the parameters of a circuit stand in its assembled form, and which values go there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, Gate, Parameter, ParameterExpression

from qruntime.errors import InvalidInputError
from qruntime.execution.native_aer import TIER
from qruntime.execution.unsupported import NotSupportedError

Place = tuple[int, int]
Table = list[tuple[Place, list[float]]]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Formula:
    """An expression of parameters, the columns that feed it, and every place that takes it."""

    expression: ParameterExpression
    columns: Mapping[Parameter, int]
    places: tuple[Place, ...]

    def values(self, rows: Matrix) -> list[float]:
        fed = [rows[:, column].tolist() for column in self.columns.values()]
        return [self._value(row) for row in zip(*fed, strict=True)]

    def _value(self, row: Sequence[float]) -> float:
        try:
            return float(self.expression.bind(dict(zip(self.columns, row, strict=True))))
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise InvalidInputError(
                f"'{self.expression}' has no real value for these parameters: {error}"
            ) from error


@dataclass(frozen=True, slots=True)
class Binding:
    """How rows of values, in the order of ``circuit.parameters``, enter an assembled circuit."""

    width: int
    plain_places: tuple[Place, ...]
    plain_columns: NDArray[np.intp]
    formulas: tuple[_Formula, ...]
    phase: float | _Formula
    phase_place: Place

    def table(self, rows: Matrix, phase: float) -> Table:
        """Return Aer's table of values for the rows.

        The global phase is always in it: only for circuits with a table does Aer work on a copy.
        Without one it truncates and renumbers the assembled circuit itself, and a second execution
        applies noise to the wrong qubits.
        """
        plain = rows.T[self.plain_columns].tolist()
        table: Table = [(self.phase_place, [phase] * len(rows))]
        table.extend(zip(self.plain_places, plain, strict=True))
        for formula in self.formulas:
            values = formula.values(rows)
            table.extend((place, values) for place in formula.places)
        return table

    @property
    def fixed_phase(self) -> float:
        """The global phase that every row has; zero if it is free."""
        return self.phase if isinstance(self.phase, float) else 0.0

    def phases(self, rows: Matrix) -> list[float] | None:
        """Return the global phase of each row, or None if all rows have the same."""
        if isinstance(self.phase, float):
            return None
        return [
            float(QuantumCircuit(global_phase=value).global_phase)
            for value in self.phase.values(rows)
        ]


def read_binding(
    circuit: QuantumCircuit, lowered: QuantumCircuit, indices: Sequence[int], phase_place: Place
) -> Binding:
    """Return the binding of a circuit whose lowered instruction ``i`` ends at ``indices[i]``.

    Raises:
        NotSupportedError: a parameter stands where Aer cannot bind it.
    """
    columns = {parameter: column for column, parameter in enumerate(circuit.parameters)}
    plain: list[tuple[Place, int]] = []
    formulas: dict[ParameterExpression, list[Place]] = {}
    for place, value in _free_places(lowered, indices):
        if isinstance(value, Parameter):
            plain.append((place, columns[value]))
        else:
            formulas.setdefault(value, []).append(place)
    return Binding(
        width=len(columns),
        plain_places=tuple(place for place, _ in plain),
        plain_columns=np.array([column for _, column in plain], dtype=np.intp),
        formulas=tuple(_formula(value, columns, places) for value, places in formulas.items()),
        phase=_phase(circuit.global_phase, columns),
        phase_place=phase_place,
    )


def _formula(
    value: ParameterExpression, columns: Mapping[Parameter, int], places: Sequence[Place]
) -> _Formula:
    fed = {parameter: columns[parameter] for parameter in value.parameters}
    return _Formula(value, fed, tuple(places))


def _phase(value: Any, columns: Mapping[Parameter, int]) -> float | _Formula:
    if _free(value):
        return _formula(value, columns, ())
    return float(value)


def _free(value: Any) -> bool:
    return isinstance(value, ParameterExpression) and bool(value.parameters)


def _free_places(
    lowered: QuantumCircuit, indices: Sequence[int]
) -> list[tuple[Place, ParameterExpression]]:
    found: list[tuple[Place, ParameterExpression]] = []
    for index, instruction in zip(indices, lowered.data, strict=True):
        # The operation's own is_parameterized() is blind to the parameters of controlled gates.
        if not instruction.is_parameterized():
            continue
        operation = instruction.operation
        if not isinstance(operation, Gate | Delay):
            raise NotSupportedError(f"'{operation.name}' has free parameters", tier=TIER)
        at = index - _flips_after(operation.name, len(instruction.qubits))
        for position, value in enumerate(operation.params):
            if _free(value):
                found.append(((at, position), value))
    return found


def _flips_after(name: str, qubits: int) -> int:
    """Return how many X gates Aer's assembler puts behind a gate with an open control.

    They follow the gate, and the assembler's own index of the instruction names the last of them.
    """
    _, separator, state = name.partition("_o")
    if not separator or not state.isdecimal():
        return 0
    return sum(not int(state) >> control & 1 for control in range(qubits - 1))
