# SPDX-License-Identifier: Apache-2.0
"""The angles of a circuit as affine functions of its parameters, for many rows at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, ParameterExpression, ParameterVector, QuantumCircuit

from qruntime.errors import InvalidInputError
from qruntime.execution.unsupported import NotSupportedError

_PROBES = (0.7310585786300049, -1.618033988749895, 2.718281828459045)


@dataclass(slots=True, unsafe_hash=True)
class Angle:
    """``constant + sum(factor * column)`` over columns of the extended rows of values.

    Nothing changes an angle; it is not frozen because that makes it slow to make.
    """

    constant: float = 0.0
    terms: tuple[tuple[int, float], ...] = ()

    def __add__(self, other: Angle) -> Angle:
        if not other.terms or not self.terms:
            return Angle(self.constant + other.constant, self.terms or other.terms)
        totals = dict(self.terms)
        for column, factor in other.terms:
            totals[column] = totals.get(column, 0.0) + factor
        terms = tuple(sorted((c, f) for c, f in totals.items() if f != 0.0))
        return Angle(self.constant + other.constant, terms)

    def __mul__(self, factor: float) -> Angle:
        if len(self.terms) == 1:
            ((column, own),) = self.terms
            return Angle(self.constant * factor, ((column, own * factor),))
        return Angle(self.constant * factor, tuple((c, f * factor) for c, f in self.terms))

    def __neg__(self) -> Angle:
        return self * -1.0

    @property
    def fixed(self) -> bool:
        """Whether no parameter changes this angle."""
        return not self.terms


class Parameters:
    """The parameters of one circuit, in its own order, and the expressions made of them.

    An expression that is affine becomes an ``Angle`` over the parameters. Any other becomes a
    column of its own, computed from the row by Qiskit's own arithmetic. A row may also have
    ``slots``: numbers behind the parameters, which stand in for numbers of the circuit.
    """

    def __init__(self, circuit: QuantumCircuit, *, slots: int = 0) -> None:
        self.names: tuple[Parameter, ...] = tuple(circuit.parameters)
        self.slots = slots
        self._next_slot = len(self.names)
        self._columns = {parameter: k for k, parameter in enumerate(self.names)}
        self._expressions: list[ParameterExpression] = []
        self._angles: dict[ParameterExpression, Angle] = {}

    @classmethod
    def plain(cls, number: int) -> Parameters:
        """Return so many parameters that belong to no circuit."""
        made = cls(QuantumCircuit())
        made.names = tuple(ParameterVector("column", number))
        return made

    def __len__(self) -> int:
        return len(self.names)

    @property
    def columns(self) -> int:
        """The length of an extended row."""
        return self.given + len(self._expressions)

    @property
    def given(self) -> int:
        """The length of a row."""
        return len(self.names) + self.slots

    def slot(self) -> Angle:
        """Return the angle that the next slot stands for."""
        self._next_slot += 1
        return Angle(0.0, ((self._next_slot - 1, 1.0),))

    def angle(self, value: Any) -> Angle:
        """Return the angle that a gate's parameter stands for."""
        if isinstance(value, ParameterExpression):
            found = self._angles.get(value)
            if found is None:
                found = self._angles[value] = self._symbolic(value)
            return found
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise NotSupportedError(
                f"a gate's parameter is not a real number: {value!r}"
            ) from error
        return Angle(number)

    def extend(self, values: Any, *, checked: bool = False) -> NDArray[np.float64]:
        """Return rows of values, one per binding, with the columns of the expressions appended.

        Values that were ``checked`` are rows of finite floats, one after the other in memory.

        Raises:
            InvalidInputError: the shape does not fit, or a value is not a finite real number.
        """
        rows: NDArray[np.float64] = values if checked else self._rows(values)
        if not self._expressions:
            return rows
        extra = [[_real(e, self._bound(e, row)) for e in self._expressions] for row in rows]
        return np.ascontiguousarray(np.hstack([rows, np.array(extra, dtype=np.float64)]))

    def _rows(self, values: Any) -> NDArray[np.float64]:
        given = np.asarray(() if values is None else values)
        if given.dtype.kind not in "fiub" and given.size:
            raise InvalidInputError("the values of parameters must be real numbers")
        rows = np.ascontiguousarray(given, dtype=np.float64)
        if rows.ndim == 1:
            rows = rows.reshape(1, -1)
        if rows.ndim != 2 or rows.shape[1] != self.given:
            raise InvalidInputError(
                f"values of shape {np.shape(values)} do not fit a circuit with {self.given}"
                f" parameters; allowed: ({self.given},) or (bindings, {self.given})"
            )
        if not math.isfinite(rows.sum()) and not np.isfinite(rows).all():
            raise InvalidInputError("the values of parameters must be finite")
        return rows

    def _symbolic(self, expression: ParameterExpression) -> Angle:
        if isinstance(expression, Parameter):
            return Angle(0.0, ((self._columns[expression], 1.0),))
        affine = self._affine(expression)
        if affine is not None:
            return affine
        self._expressions.append(expression)
        return Angle(0.0, ((self.columns - 1, 1.0),))

    def _affine(self, expression: ParameterExpression) -> Angle | None:
        terms = []
        for parameter in expression.parameters:
            try:
                slope = expression.gradient(parameter)
            except RuntimeError:
                return None
            if isinstance(slope, (ParameterExpression, complex)):
                return None
            terms.append((self._columns[parameter], float(slope)))
        linear = Angle(0.0, tuple(sorted((c, f) for c, f in terms if f != 0.0)))
        offsets = []
        for probe in _PROBES:
            row = probe * np.cos(np.arange(len(self.names)) + 0.5)
            try:
                exact = _real(expression, self._bound(expression, row))
            except InvalidInputError:
                return None
            offsets.append(exact - sum(f * row[c] for c, f in linear.terms))
        scale = 1.0 + abs(offsets[0]) + sum(abs(f) for _, f in linear.terms)
        if max(offsets) - min(offsets) > 1e-13 * scale:
            return None
        return Angle(float(np.mean(offsets)), linear.terms)

    def _bound(self, expression: ParameterExpression, row: NDArray[np.float64]) -> Any:
        mine = {p: float(row[self._columns[p]]) for p in expression.parameters}
        try:
            return expression.bind(mine).numeric()
        except (ArithmeticError, ValueError, RuntimeError, TypeError) as error:
            raise InvalidInputError(f"the expression {expression} has no value here") from error


def _real(expression: ParameterExpression, value: Any) -> float:
    number = complex(value)
    if not np.isfinite(number) or abs(number.imag) > 1e-12 * (1.0 + abs(number.real)):
        raise InvalidInputError(f"the expression {expression} is {value}, not a finite real number")
    return number.real
