# SPDX-License-Identifier: Apache-2.0
"""A static circuit compiled once, to be run for many values of its parameters."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit

from qruntime.errors import InvalidInputError, MissingDependencyError
from qruntime.execution.expressions import Angle, Parameters
from qruntime.execution.fusion import Fused, fuse
from qruntime.execution.layout import (
    BLOCK,
    DENSE_FACTOR,
    FOLD_BITS,
    LANES,
    MAX_SPACINGS,
    PREPARE,
    SAMPLE,
    STATES,
)
from qruntime.execution.lowering import Lowered, lower, lower_to_sample
from qruntime.execution.observables import PauliSums
from qruntime.execution.readout import Readout, Samples
from qruntime.execution.tape import write

_MAX_OUTCOMES_A_CALL = 1 << 21
_MAX_KEPT_BYTES = 1 << 26
_MAX_KEPT = 4
MAX_DRAWN = 2**32 - 1
"""The most shots that the kernels count."""

_Drawn = tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.int64]]

_NO_NUMBERS = np.empty((0, 0))
_FROM_ZERO = np.empty((1, 0))
_NO_SEED = np.zeros(2, dtype=np.uint64)
_NOTHING_DRAWN: _Drawn = (
    np.empty(0, dtype=np.uint32),
    np.empty(0, dtype=np.uint32),
    np.empty(0, dtype=np.int64),
)


def warm() -> None:
    """Load the compiled kernels, or compile them (half a minute) where no cache has them yet.

    Before it compiles, it says so in a warning of ``logging``.

    Raises:
        MissingDependencyError: Numba is not installed.
    """
    if "qruntime.execution.kernels" in sys.modules:
        return
    try:
        import numba  # noqa: F401 - asked first, for the message
    except ImportError as error:
        raise MissingDependencyError(
            "the compiled statevector needs Numba; install it with: pip install 'qruntime[fast]'"
        ) from error
    from qruntime.execution.first_use import import_kernels

    import_kernels()


_scratches: list[NDArray[np.float64]] = []
"""Memory for the next calls of whatever program. Each running call has a piece for itself."""


def _aligned(size: int) -> NDArray[np.float64]:
    memory = np.empty(size + LANES)
    first = (-memory.ctypes.data // memory.itemsize) % LANES
    return memory[first : first + size]


class StatevectorProgram:
    """A compiled circuit. Calls may run in several threads at once; nothing of it changes.

    ``values`` is always (P,) for one binding or (K, P) for K, in the order of ``parameters``.
    """

    def __init__(
        self,
        fused: Fused,
        num_qubits: int,
        readout: Readout,
        parameters: Parameters,
        *,
        continues: bool,
    ) -> None:
        warm()
        from qruntime.execution.kernels import execute

        self.fused = fused
        self.tape = tape = write(fused, num_qubits)
        self.readout = readout
        self.continues = continues
        self._parameters = parameters
        self._execute: Any = execute
        self._tables: list[NDArray[np.float64]] = []
        size = (2 << tape.width) + tape.scratch
        self._tail = size + -size % LANES
        self._blocks = max((1 << tape.width) // BLOCK, 1)
        self._prepare()

    @classmethod
    def compile(
        cls, circuit: QuantumCircuit, *, continues: bool = False, phase: bool = True
    ) -> StatevectorProgram:
        """Compile a circuit; it may change or go away afterwards.

        A circuit that ``continues`` another is run on given states, not from zero: simulate an
        ansatz once, then measure it in many bases. Without its global ``phase`` the same shots are
        drawn whatever that phase is, to the last bit.

        Raises:
            NotSupportedError: the circuit is not static, or otherwise beyond this engine.
        """
        lowered = lower(circuit, from_zero=not continues)
        return cls._of(lowered, continues=continues, phase=phase)

    @classmethod
    def compile_to_sample(cls, circuit: QuantumCircuit, slots: int) -> StatevectorProgram:
        """Compile a circuit for ``sample`` alone, its numbers being part of the values.

        A row of values has the parameters and then the ``slots`` floats that the circuit's standard
        gates hold, in their order; with no slots the numbers are part of the program. Qubits that
        nothing acts on cost nothing.

        Raises:
            NotSupportedError: the circuit is not static, or otherwise beyond this engine.
        """
        return cls._of(lower_to_sample(circuit, slots), continues=False, phase=False)

    @classmethod
    def _of(cls, lowered: Lowered, *, continues: bool, phase: bool) -> StatevectorProgram:
        width = lowered.num_qubits
        fused = fuse(lowered.atoms, width, from_zero=not continues)
        if not phase:
            fused = replace(fused, phase=Angle())
        readout = Readout.of(lowered.num_clbits, lowered.registers, lowered.measured)
        return cls(fused, width, readout, lowered.parameters, continues=continues)

    def other(
        self, fused: Fused, *, continues: bool, readout: Readout | None = None
    ) -> StatevectorProgram:
        """Return a program of other nodes that takes the same rows of values."""
        readout = self.readout if readout is None else readout
        return StatevectorProgram(
            fused, self.num_qubits, readout, self._parameters, continues=continues
        )

    @property
    def num_qubits(self) -> int:
        """The number of qubits."""
        return self.tape.num_qubits

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The circuit's parameters, in the circuit's order."""
        return self._parameters.names

    @property
    def nbytes(self) -> int:
        """The memory that the compiled arrays take, with those that one call works on."""
        tape = self.tape
        return int(tape.code.nbytes + tape.reals.nbytes + 2 * tape.table.nbytes)

    def extended(self, values: Any) -> NDArray[np.float64]:
        """Return checked rows of values, with a column for each expression that is not affine."""
        return self._parameters.extend(values)

    def states(self, values: Any = None, *, states: Any = None) -> NDArray[np.complex128]:
        """Return the final states, (K, 2**n), global phase included."""
        rows, initial = self._bindings(values, states)
        out = np.empty((len(rows), 1 << self.num_qubits), dtype=np.complex128)
        plan = np.array([STATES, self._tail], dtype=np.int64)
        self._run(plan, rows, 0, initial=initial, out=out.view(np.float64))
        return out

    def expectation(
        self, values: Any, observables: Any, *, states: Any = None
    ) -> NDArray[np.float64]:
        """Return exact expectation values, (K, M), of M observables; see ``PauliSums.of``."""
        sums = PauliSums.of(observables)
        if sums.num_qubits != self.num_qubits:
            raise InvalidInputError(
                f"observables on {sums.num_qubits} qubits do not fit a circuit on {self.num_qubits}"
            )
        rows, initial = self._bindings(values, states)
        strings = np.empty((len(rows), sums.weights.shape[1]))
        plan = sums.plan.copy()
        plan[1] = self._tail
        self._run(plan, rows, 2 << FOLD_BITS, initial=initial, out=strings)
        found: NDArray[np.float64] = strings @ sums.weights.T
        return found

    def sample(
        self,
        values: Any,
        shots: int,
        *,
        seed: int | None = None,
        stream: int = 0,
        states: Any = None,
    ) -> Samples:
        """Measure each binding ``shots`` times.

        The same seed, stream and values give the same counts. Bindings of one call draw from
        independent streams, and so do calls with another ``stream`` or seed.
        """
        if not self.readout.qubits:
            raise InvalidInputError("the circuit measures nothing; add measurements to sample it")
        check_shots(shots)
        rows, initial = self._bindings(values, states)
        return self._sampled(rows, initial, shots, seed_words(seed, stream))

    def sample_checked(
        self, rows: NDArray[np.float64], shots: int, *, seed: int, stream: int
    ) -> Samples:
        """Do as ``sample`` for rows that are known to fit: finite floats, one row a binding.

        Raises:
            InvalidInputError: so many shots cannot be drawn.
        """
        check_shots(shots)
        extended = self._parameters.extend(rows, checked=True)
        return self._sampled(extended, _FROM_ZERO, shots, seed_words(seed, stream))

    def _sampled(
        self,
        rows: NDArray[np.float64],
        initial: NDArray[np.float64],
        shots: int,
        words: NDArray[np.uint64],
    ) -> Samples:
        cap = min(shots, 1 << self.num_qubits)
        step = max(1, _MAX_OUTCOMES_A_CALL // cap)
        if len(rows) <= step:
            return self.draw(rows, initial, 0, shots, words)
        pieces = []
        for begin in range(0, len(rows), step):
            piece = slice(begin, begin + step)
            given = initial[piece] if len(initial) > 1 else initial
            pieces.append(self.draw(rows[piece], given, begin, shots, words))
        return Samples.joined(pieces)

    def draw(
        self,
        rows: NDArray[np.float64],
        initial: NDArray[np.float64],
        begin: int,
        shots: int,
        words: NDArray[np.uint64],
    ) -> Samples:
        """Sample what was checked before: extended rows, from states as floats if it continues."""
        number, cap = len(rows), min(shots, 1 << self.num_qubits)
        keys = np.empty(number * cap, dtype=np.uint32)
        occurrences = np.empty(number * cap, dtype=np.uint32)
        ends = np.empty(number, dtype=np.int64)
        outcomes = 1 << len(self.readout.qubits)
        dense = outcomes * DENSE_FACTOR <= shots or shots >= MAX_SPACINGS
        tail = (outcomes if dense else shots + 1) + self._blocks
        plan = _sample_plan(self._tail, begin, shots, self.readout.qubits)
        self._run(plan, rows, tail, initial=initial, seed=words, drawn=(keys, occurrences, ends))
        used = int(ends[-1]) if number else 0
        if 2 * used < len(keys):
            keys, occurrences = keys[:used].copy(), occurrences[:used].copy()
        else:
            keys, occurrences = keys[:used], occurrences[:used]
        return Samples(self.readout, shots, keys, occurrences, ends, words)

    def _bindings(
        self, values: Any, states: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rows = self._parameters.extend(values)
        if self.continues != (states is not None):
            raise InvalidInputError(
                "give states to a program that continues a circuit, and to no other"
            )
        if states is None:
            return rows, _FROM_ZERO
        given = np.ascontiguousarray(np.atleast_2d(states), dtype=np.complex128)
        if given.ndim != 2 or given.shape[1] != 1 << self.num_qubits:
            raise InvalidInputError(
                f"states of shape {np.shape(states)} do not fit {self.num_qubits} qubits"
            )
        if len(rows) == 1 < len(given):
            rows = np.repeat(rows, len(given), axis=0)
        if len(given) not in (1, len(rows)):
            raise InvalidInputError(f"{len(given)} states do not fit {len(rows)} bindings")
        return rows, given.view(np.float64)

    def _prepare(self) -> None:
        plan = np.array([PREPARE, self._tail], dtype=np.int64)
        self._tables.append(self.tape.table)
        self._run(plan, np.zeros((1, self._parameters.columns)), 0)
        self._tables.clear()

    def _scratch(self, tail: int) -> NDArray[np.float64]:
        size = self._tail + max(tail, self._parameters.columns, 1)
        try:
            found = _scratches.pop()
        except IndexError:
            return _aligned(size)
        return found if len(found) >= size else _aligned(size)

    def _run(
        self,
        plan: NDArray[np.int64],
        rows: NDArray[np.float64],
        tail: int,
        *,
        initial: NDArray[np.float64] = _FROM_ZERO,
        out: NDArray[np.float64] = _NO_NUMBERS,
        seed: NDArray[np.uint64] = _NO_SEED,
        drawn: _Drawn = _NOTHING_DRAWN,
    ) -> None:
        try:
            table = self._tables.pop()
        except IndexError:
            table = _aligned(len(self.tape.table))
            table[:] = self.tape.table
        scratch = self._scratch(tail)
        tape = self.tape
        self._execute(
            tape.code, tape.reals, table, rows, scratch, plan, initial, seed, out, *drawn
        )  # fmt: skip
        if len(self._tables) < _MAX_KEPT:
            self._tables.append(table)
        if len(_scratches) < _MAX_KEPT and scratch.nbytes <= _MAX_KEPT_BYTES:
            _scratches.append(scratch)


@lru_cache(maxsize=256)
def _sample_plan(tail: int, begin: int, shots: int, qubits: tuple[int, ...]) -> NDArray[np.int64]:
    return np.array([SAMPLE, tail, begin, shots, *qubits], dtype=np.int64)


def check_shots(shots: Any, least: int = 1) -> None:
    """Raise if so many shots cannot be drawn.

    Raises:
        InvalidInputError: they cannot.
    """
    if isinstance(shots, bool) or not isinstance(shots, int | np.integer):
        raise InvalidInputError(f"shots={shots!r} is not an integer")
    if not least <= shots <= MAX_DRAWN:
        raise InvalidInputError(f"shots={shots}; allowed: {least} to {MAX_DRAWN}")


def seed_words(seed: int | None, stream: int) -> NDArray[np.uint64]:
    """Return what a stream of a seed draws from."""
    if seed is None:
        digest = bytearray(os.urandom(16))
    else:
        text = b"%d/%d" % (seed, stream)
        digest = bytearray(hashlib.blake2b(text, digest_size=16).digest())
    return np.frombuffer(digest, dtype=np.uint64)
