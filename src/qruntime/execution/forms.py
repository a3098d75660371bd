# SPDX-License-Identifier: Apache-2.0
"""Compiled forms of circuits, found again by the structure of circuits that are built anew."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterExpression

from qruntime.execution.checks import has_finite_angles
from qruntime.execution.clifford import CliffordProgram
from qruntime.execution.lru import Lru
from qruntime.execution.program import StatevectorProgram
from qruntime.execution.tiers import MAX_KERNEL_QUBITS
from qruntime.execution.transpile_structure import UnkeyableError, circuit_key
from qruntime.execution.unsupported import NotSupportedError

MAX_KEPT_BYTES = 32 << 20
_PROGRAM_BYTES = 4000
"""About what a program takes beside its arrays."""

Form = TypeVar("Form", StatevectorProgram, CliffordProgram)
Numbers = NDArray[np.float64]


class Key:
    """A key whose hash is worked out once; its parts are long."""

    __slots__ = ("_hash", "_parts")

    def __init__(self, parts: Hashable) -> None:
        self._parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._parts == other._parts


@dataclass(frozen=True, slots=True)
class Read:
    """What a circuit is, apart from its numbers, and its numbers.

    ``key`` is None where no key can hold the structure. ``numbers`` are the floats of the standard
    gates at the top level, in their order; ``bytes`` is about what the key takes of memory.
    """

    key: Key | None
    numbers: list[float]
    bytes: int


def read(circuit: QuantumCircuit) -> Read:
    """Read a circuit. Its name, metadata and a global phase that is a number are no part of it."""
    try:
        found = circuit_key(circuit)
        values, numbers = found.values, found.values
        pattern: tuple[Any, ...] = ()
        if any(type(value) is not float for value in values):
            pattern = tuple(None if isinstance(v, float) else (type(v), v) for v in values)
            numbers = [value for value in values if isinstance(value, float)]
        phase = found.phase if isinstance(found.phase, ParameterExpression) else None
        key = Key((found.structure, pattern, phase))
    except (UnkeyableError, TypeError):
        gates = [item for item in circuit.data if item.is_standard_gate()]
        return Read(None, [v for gate in gates for v in gate.params if isinstance(v, float)], 0)
    return Read(key, numbers, found.bytes)


class _Kept(Generic[Form]):
    """Forms of one kind, and why other circuits have none."""

    def __init__(self, limit: int, size: Callable[[Form], int]) -> None:
        self._lru: Lru[Form | NotSupportedError] = Lru(limit)
        self._size: Callable[[Form], int] = size
        self._lock = threading.Lock()
        self._counted = {"hits": 0, "misses": 0, "refused": 0, "unkeyed": 0}

    def get(self, key: Hashable, key_bytes: int, compile_: Callable[[], Form]) -> Form:
        found = None if key is None else self._lru.get(key)
        self._count("unkeyed" if key is None else "misses" if found is None else "hits")
        if found is None:
            found = self._compiled(compile_)
            own = 0 if isinstance(found, NotSupportedError) else self._size(found)
            if key is not None:
                self._lru.put(key, found, key_bytes + own)
        if isinstance(found, NotSupportedError):
            self._count("refused")
            raise NotSupportedError(found.reason, tier=found.tier)
        return found

    def _compiled(self, compile_: Callable[[], Form]) -> Form | NotSupportedError:
        try:
            return compile_()
        except NotSupportedError as error:
            return NotSupportedError(error.reason, tier=error.tier)  # without its traceback

    def _count(self, what: str) -> None:
        with self._lock:
            self._counted[what] += 1

    def statistics(self) -> dict[str, int]:
        with self._lock:
            counted = dict(self._counted)
        lru = self._lru
        return {**counted, "kept": len(lru), "bytes": lru.size, "evictions": lru.evictions}

    def clear(self) -> None:
        self._lru.clear()


class Forms:
    """The compiled forms that were used last; safe to use from threads.

    A form is made from a circuit and keeps nothing of it, so that the circuit may change later.
    """

    def __init__(self, limit: int = MAX_KEPT_BYTES) -> None:
        self._kernel = _Kept[StatevectorProgram](
            limit // 2, lambda program: program.nbytes + _PROGRAM_BYTES
        )
        self._clifford = _Kept[CliffordProgram](
            limit // 2, lambda program: _PROGRAM_BYTES + 100 * len(program.circuit)
        )

    def kernel(self, circuit: QuantumCircuit, known: Read) -> StatevectorProgram:
        """Return the program of every circuit with this structure; its numbers are values.

        Raises:
            NotSupportedError: the circuit is beyond the compiled statevector.
        """
        return self._kernel.get(known.key, known.bytes, lambda: _kernel(circuit, known))

    def clifford(self, circuit: QuantumCircuit, known: Read) -> CliffordProgram:
        """Return stim's form of this circuit with these numbers.

        Raises:
            NotSupportedError: the circuit is not Clifford.
        """
        key = None if known.key is None else (known.key, tuple(known.numbers))
        size = known.bytes + 32 * len(known.numbers)
        return self._clifford.get(key, size, lambda: CliffordProgram.compile(circuit))

    def statistics(self) -> Mapping[str, Mapping[str, int]]:
        """Return, by tier, how often a form was there, was not, or could not be, and what is kept.

        ``unkeyed`` circuits have something by which they cannot be found again; ``refused`` ones
        went on to another tier.
        """
        return {"kernel": self._kernel.statistics(), "clifford": self._clifford.statistics()}

    def clear(self) -> None:
        """Forget all forms."""
        self._kernel.clear()
        self._clifford.clear()


def _kernel(circuit: QuantumCircuit, known: Read) -> StatevectorProgram:
    program = StatevectorProgram.compile_to_sample(circuit, len(known.numbers))
    if program.num_qubits > MAX_KERNEL_QUBITS:
        raise NotSupportedError(f"it acts on more than {MAX_KERNEL_QUBITS} qubits")
    if not program.readout.qubits:
        raise NotSupportedError("it measures nothing")
    if not has_finite_angles(circuit):
        raise NotSupportedError("it has an angle that is not finite")
    return program


FORMS = Forms()
"""The forms of this process."""
