# SPDX-License-Identifier: Apache-2.0
"""One transpilation for all angles: made with symbols, checked against Qiskit, bound many times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, pi
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.converters import circuit_to_dag, dag_to_circuit
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from qruntime.execution.transpile_copies import KeptCircuit

_SPECIAL = 1e-9
_NEAR_SPECIAL = 1e-4
"""Qiskit removes rotations up to about 1e-5, and two-qubit gates with them, which hardware feels:
there, nearer to a special angle than this is not generic."""


@dataclass(frozen=True, slots=True)
class Angles:
    """Values of a circuit's angles: which of them are equal or opposite, and the distinct ones.

    ``pattern`` is None where all are distinct, else for each angle the place of its value among
    ``distinct``, counted from 1, negative for the opposite value.
    """

    pattern: tuple[int, ...] | None
    distinct: Sequence[float]


def read_angles(values: list[Any], *, routed: bool) -> Angles | None:
    """Return the pattern of angles, or None if they are not all numbers without special values.

    Zero and the multiples of pi/4 are special: Qiskit transpiles them to other circuits.
    """
    if not values or set(map(type, values)) != {float} or not isfinite(sum(values)):
        return None
    off = np.array(values)
    off *= 4 / pi
    off -= np.rint(off)
    if np.abs(off, out=off).min() <= (_NEAR_SPECIAL if routed else _SPECIAL):
        return None
    if len(set(map(abs, values))) == len(values):
        return Angles(None, values)
    places: dict[float, int] = {}
    distinct: list[float] = []
    for value in values:
        if value not in places:
            distinct.append(value)
            places[value] = len(distinct)
            places[-value] = -len(distinct)
    return Angles(tuple([places[value] for value in values]), distinct)


@dataclass(frozen=True, slots=True)
class Template:
    """A transpiled circuit whose angles are still to be bound.

    ``places`` are those of the distinct angles that the transpiled circuit still has. ``finish``
    merges neighbouring one-qubit gates once their angles are known. ``same`` is whether Qiskit
    leaves all gates as they are, so that the given circuit is the transpiled one.
    """

    kept: KeptCircuit
    places: tuple[int, ...]
    finish: Optimize1qGatesDecomposition | None
    same: bool

    def bind(self, circuit: QuantumCircuit, angles: Angles, phase: float) -> QuantumCircuit:
        """Return the transpiled circuit for an input that has these angles."""
        if self.same:
            return self.kept.around(circuit)
        bound = self.kept.fresh(circuit.name, circuit.metadata)
        distinct = angles.distinct
        bound._data.assign_parameters_iterable([distinct[place] for place in self.places])
        if phase:
            bound.global_phase += phase
        return bound if self.finish is None else _finished(bound, self.finish)


def _finished(circuit: QuantumCircuit, finish: Optimize1qGatesDecomposition) -> QuantumCircuit:
    dag = finish.run(circuit_to_dag(circuit, copy_operations=False))
    made = dag_to_circuit(dag, copy_operations=False)
    made._layout = circuit._layout
    return made


def make_template(
    circuit: QuantumCircuit,
    angles: Angles,
    transpiled: QuantumCircuit,
    transpile: Callable[[QuantumCircuit], QuantumCircuit],
    finish: Optimize1qGatesDecomposition | None,
) -> Template | None:
    """Return a template for circuits like this one, or None if it would serve them worse.

    ``transpiled`` is what ``transpile`` alone makes of the circuit, with the same seed. The
    template must have its layout, its routing and no more gates on two qubits. With ``finish`` it
    must also have about as few gates on one qubit.
    """
    symbols = ParameterVector("angle", len(angles.distinct))
    symbolic = _with_symbols(circuit, list(symbols), angles.pattern)
    made = transpile(symbolic)
    left = set(made.parameters)
    places = tuple(place for place, symbol in enumerate(symbols) if symbol in left)
    kept = KeptCircuit(made)
    phase = float(circuit.global_phase)
    for finishing in (None,) if finish is None else (None, finish):
        same = finish is None and _same(made, symbolic)
        template = Template(kept, places, finishing, same)
        bound = template.bind(circuit, angles, phase)
        merged = finish is None or _singles(bound) <= 1.1 * _singles(transpiled) + 2
        if merged and _as_good(bound, transpiled):
            return template
    return None


def _with_symbols(
    circuit: QuantumCircuit, symbols: list[Any], pattern: tuple[int, ...] | None
) -> QuantumCircuit:
    if pattern is not None:
        symbols = [symbols[at - 1] if at > 0 else -symbols[-at - 1] for at in pattern]
    made = circuit.copy_empty_like()
    made.global_phase = 0
    following = iter(symbols)
    for item in circuit._data:
        if item.is_standard_gate() and item.params:
            item = item.replace(params=[next(following) for _ in item.params])  # noqa: PLW2901
        made._append(item)
    return made


def _same(made: QuantumCircuit, given: QuantumCircuit) -> bool:
    """Return whether two circuits are one, but for the order of gates that do not meet.

    What a simulator draws random numbers for is in the same order: a seed gives the same outcomes.
    """
    ours, theirs = (
        [item for item in circuit._data if not item.is_standard_gate()] for circuit in (made, given)
    )
    labels = any(item.label is not None for circuit in (made, given) for item in circuit._data)
    return not labels and ours == theirs and made.qubits == given.qubits and made == given


def _as_good(made: QuantumCircuit, transpiled: QuantumCircuit) -> bool:
    if _places(made) != _places(transpiled):
        return False
    ours, theirs = _pairs(made), _pairs(transpiled)
    if any(count > theirs[pair] for pair, count in ours.items()):
        return False
    if any(_fixed(made, name) != _fixed(transpiled, name) for name in ("measure", "reset")):
        return False
    return bool(made.depth(_is_entangling) <= transpiled.depth(_is_entangling))


def _places(circuit: QuantumCircuit) -> Hashable:
    layout = circuit.layout
    if layout is None:
        return None
    return (tuple(layout.initial_index_layout()), tuple(layout.final_index_layout()))


def _pairs(circuit: QuantumCircuit) -> Counter[frozenset[Any]]:
    numbers = {qubit: number for number, qubit in enumerate(circuit.qubits)}
    return Counter(
        frozenset(numbers[qubit] for qubit in item.qubits)
        for item in circuit._data
        if _is_entangling(item)
    )


def _is_entangling(item: Any) -> bool:
    return len(item.qubits) > 1 and not item.is_directive()


def _singles(circuit: QuantumCircuit) -> int:
    return sum(len(item.qubits) == 1 and item.is_standard_gate() for item in circuit._data)


def _fixed(circuit: QuantumCircuit, name: str) -> Counter[Any]:
    numbers = {qubit: number for number, qubit in enumerate(circuit.qubits)}
    return Counter(
        (*(numbers[qubit] for qubit in item.qubits), *item.clbits)
        for item in circuit._data
        if item.name == name
    )


def merging_pass(tasks: Iterable[Any]) -> Optimize1qGatesDecomposition | None:
    """Return the pass of a pass manager's tasks that merges gates on one qubit, if it has one."""
    for task in tasks:
        if isinstance(task, Optimize1qGatesDecomposition):
            return task
        inner = task if isinstance(task, list | tuple) else getattr(task, "tasks", None)
        found = merging_pass(inner) if inner else None
        if found is not None:
            return found
    return None
