# SPDX-License-Identifier: Apache-2.0
"""Expectation values from shots: an observable's bases, all sampled from one state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import PauliList, SparsePauliOp

from qruntime.errors import InvalidInputError
from qruntime.execution.atoms import bits
from qruntime.execution.basis import measuring
from qruntime.execution.fusion import fuse
from qruntime.execution.lru import Lru
from qruntime.execution.observables import PauliSums, common_width, pauli_sum
from qruntime.execution.program import StatevectorProgram, seed_words
from qruntime.execution.readout import Readout, Samples
from qruntime.execution.shared import chunks

Reals = NDArray[np.float64]
Integers = NDArray[np.int64]

_KEPT = 64
_MAX_PENDING = 1 << 20


class Estimate(NamedTuple):
    """Expectation values estimated from shots, and their standard errors; arrays of one shape."""

    evs: Any
    stds: Any


@dataclass(frozen=True)
class _Terms:
    """What each group contributes to which observable; see ``parities.add_moments``."""

    owned: Integers
    owners: Integers
    begins: Integers
    masks: NDArray[np.uint32]
    weights: Reals


@dataclass(frozen=True)
class Measurement:
    """M observables to be measured on a program's states, in bases that share what they can.

    The different Pauli strings of all observables are measured together in groups that commute
    qubit by qubit; every group is measured with all the shots.
    """

    program: StatevectorProgram
    bases: tuple[StatevectorProgram, ...]
    constants: Reals
    terms: _Terms

    @classmethod
    def of(cls, program: StatevectorProgram, sums: Sequence[SparsePauliOp]) -> Measurement:
        """Group the strings and compile the bases."""
        x = np.vstack([one.paulis.x for one in sums])
        z = np.vstack([one.paulis.z for one in sums])
        owner = np.repeat(np.arange(len(sums)), [len(one) for one in sums])
        weights = np.concatenate([np.real(one.coeffs) for one in sums]).astype(np.float64)
        constants = np.zeros(len(sums))
        trivial = ~np.any(x | z, axis=1)
        np.add.at(constants, owner[trivial], weights[trivial])
        table = _table(x[~trivial], z[~trivial], owner[~trivial], weights[~trivial])
        groups = _groups(x[~trivial], z[~trivial])
        bases = tuple(_basis(program, group) for group in groups)
        return cls(program, bases, constants, _terms(groups, table))

    def estimate(self, rows: Reals, shots: int, *, seed: int, stream: int) -> tuple[Reals, Reals]:
        """Return means and their standard errors, (K, M); each basis draws from its own stream."""
        means = np.repeat(self.constants[np.newaxis], len(rows), axis=0)
        variances = np.zeros_like(means)
        if self.bases:
            words = seed_words(seed, stream)
            extended = self.program.extended(rows)
            for chunk in chunks(len(rows), self.program.num_qubits, shots):
                self._add(rows, extended, chunk, shots, words, means, variances)
        return means, np.sqrt(variances)

    def _add(
        self,
        rows: Reals,
        extended: Reals,
        chunk: slice,
        shots: int,
        words: NDArray[np.uint64],
        means: Reals,
        variances: Reals,
    ) -> None:
        states = self.program.states(rows[chunk]).view(np.float64)
        mine = extended[chunk]
        pending: list[tuple[int, Samples]] = []
        size = 0
        for number, basis in enumerate(self.bases):
            samples = basis.draw(mine, states, number * len(rows) + chunk.start, shots, words)
            pending.append((number, samples))
            size += len(samples.keys)
            if size > _MAX_PENDING:
                self._count(pending, means[chunk], variances[chunk])
                pending, size = [], 0
        if pending:
            self._count(pending, means[chunk], variances[chunk])

    def _count(
        self, pending: Sequence[tuple[int, Samples]], means: Reals, variances: Reals
    ) -> None:
        from qruntime.execution.parities import add_moments

        numbers = [number for number, _ in pending]
        every = Samples.joined([samples for _, samples in pending])
        bindings = len(means)
        add_moments(
            every.keys,
            every.occurrences,
            every.ends,
            np.repeat(np.array(numbers, dtype=np.int64), bindings),
            np.tile(np.arange(bindings), len(numbers)),
            self.terms.owned,
            self.terms.owners,
            self.terms.begins,
            self.terms.masks,
            self.terms.weights,
            means,
            variances,
        )


class Measurements:
    """What was worked out for the observables of one program, once for those of equal content."""

    def __init__(self, program: StatevectorProgram) -> None:
        self._program = program
        self._exact: Lru[PauliSums] = Lru(_KEPT)
        self._sampled: Lru[Measurement] = Lru(_KEPT)

    def exact(self, observables: Sequence[Any]) -> PauliSums:
        """Return observables as ``StatevectorProgram.expectation`` takes them.

        Raises:
            InvalidInputError: one is of another type, not Hermitian, or of another width.
        """
        sums, key = _read(observables)
        found = self._exact.get(key)
        if found is None:
            found = PauliSums.of(sums)
            self._exact.put(key, found, 1)
        return found

    def sampled(self, observables: Sequence[Any]) -> Measurement:
        """Return the measurement of observables.

        Raises:
            InvalidInputError: one is of another type, not Hermitian, or of another width.
        """
        sums, key = _read(observables)
        found = self._sampled.get(key)
        if found is None:
            width = common_width(sums)
            if width != self._program.num_qubits:
                raise InvalidInputError(
                    f"observables on {width} qubits do not fit a circuit on "
                    f"{self._program.num_qubits}"
                )
            found = Measurement.of(self._program, sums)
            self._sampled.put(key, found, 1)
        return found


@dataclass(frozen=True)
class _Group:
    """Strings that are measured together: their X and Z parts on all qubits, and themselves."""

    x: int
    z: int
    strings: list[tuple[int, int]]

    @property
    def measured(self) -> int:
        return self.x | self.z


def _read(observables: Sequence[Any]) -> tuple[list[SparsePauliOp], Hashable]:
    sums = [pauli_sum(observable) for observable in observables]
    return sums, tuple(map(_content, sums))


def _content(observable: SparsePauliOp) -> Hashable:
    paulis = observable.paulis
    coefficients = np.asarray(observable.coeffs, dtype=np.complex128)
    return paulis.num_qubits, paulis.x.tobytes(), paulis.z.tobytes(), coefficients.tobytes()


def _mask(row: NDArray[np.bool_]) -> int:
    return sum(1 << place for place in np.flatnonzero(row).tolist())


def _table(
    x: NDArray[np.bool_], z: NDArray[np.bool_], owner: Integers, weights: Reals
) -> dict[tuple[int, int], dict[int, float]]:
    """Return the weight of each string in each observable that has it."""
    table: dict[tuple[int, int], dict[int, float]] = {}
    for x_row, z_row, observable, weight in zip(
        x, z, owner.tolist(), weights.tolist(), strict=True
    ):
        of_string = table.setdefault((_mask(x_row), _mask(z_row)), {})
        of_string[observable] = of_string.get(observable, 0.0) + weight
    return table


def _groups(x: NDArray[np.bool_], z: NDArray[np.bool_]) -> list[_Group]:
    if not len(x):
        return []
    different = np.unique(np.hstack([x, z]), axis=0)
    width = x.shape[1]
    paulis = PauliList.from_symplectic(different[:, width:], different[:, :width])
    return [
        _Group(
            _mask(np.any(group.x, axis=0)),
            _mask(np.any(group.z, axis=0)),
            [(_mask(x_row), _mask(z_row)) for x_row, z_row in zip(group.x, group.z, strict=True)],
        )
        for group in paulis.group_commuting(qubit_wise=True)
    ]


def _basis(program: StatevectorProgram, group: _Group) -> StatevectorProgram:
    qubits = tuple(bits(group.measured))
    measured = dict(enumerate(qubits))
    readout = Readout.of(len(qubits), (("c", tuple(range(len(qubits)))),), measured)
    turned = fuse(measuring(group.x, group.z), program.num_qubits, from_zero=False)
    return program.other(turned, continues=True, readout=readout)


def _terms(groups: Sequence[_Group], table: dict[tuple[int, int], dict[int, float]]) -> _Terms:
    owned, begins = [0], [0]
    owners: list[int] = []
    masks: list[int] = []
    weights: list[float] = []
    for group in groups:
        place = {qubit: k for k, qubit in enumerate(bits(group.measured))}
        mine: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for string in group.strings:
            mask = sum(1 << place[qubit] for qubit in bits(string[0] | string[1]))
            for observable, weight in table[string].items():
                mine[observable].append((mask, weight))
        for observable, terms in mine.items():
            masks += [mask for mask, _ in terms]
            weights += [weight for _, weight in terms]
            owners.append(observable)
            begins.append(len(masks))
        owned.append(len(owners))
    return _Terms(
        np.array(owned, dtype=np.int64),
        np.array(owners, dtype=np.int64),
        np.array(begins, dtype=np.int64),
        np.array(masks, dtype=np.uint32),
        np.array(weights, dtype=np.float64),
    )
