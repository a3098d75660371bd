# SPDX-License-Identifier: Apache-2.0
"""What was measured: arrays first, bit strings and dicts when somebody looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_TABLE_QUBITS = 12
_NEVER = 31  # a key has at most 30 bits: the highest of 32 is always zero
_TABLES = 32


@dataclass(frozen=True)
class Readout:
    """How a key (the measured qubits, each once) shows in the classical bits.

    ``sources[k]`` is the bit of the key that clbit k shows, or -1 if nothing is measured into it.
    """

    qubits: tuple[int, ...]
    sources: tuple[int, ...]
    registers: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(
        cls,
        num_clbits: int,
        registers: tuple[tuple[str, tuple[int, ...]], ...],
        measured: dict[int, int],
    ) -> Readout:
        """Return the readout of a map from clbits to the qubits that they show."""
        qubits = tuple(sorted(set(measured.values())))
        place = {qubit: k for k, qubit in enumerate(qubits)}
        sources = tuple(place[measured[c]] if c in measured else -1 for c in range(num_clbits))
        return cls(qubits, sources, registers)

    def bits(self, keys: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Return a matrix of zeros and ones, one row a key, one column a clbit."""
        words = np.ascontiguousarray(keys, dtype=">u4").view(np.uint8)
        columns = np.unpackbits(words.reshape(len(keys), 4), axis=1)
        return columns[:, [_NEVER - source if source >= 0 else 0 for source in self.sources]]

    def packed(self, keys: NDArray[np.integer], clbits: Iterable[int]) -> NDArray[np.uint8]:
        """Return some clbits as bytes, big-endian, the first clbit in the lowest bit of the last.

        This is the layout of ``qiskit.primitives.BitArray``.
        """
        chosen = self.bits(keys)[:, list(clbits)][:, ::-1]
        padding = -chosen.shape[1] % 8
        return np.packbits(np.pad(chosen, ((0, 0), (padding, 0))), axis=1)

    def integers(self, keys: NDArray[np.integer]) -> list[int]:
        """Return the value of all clbits together, clbit 0 in the lowest bit."""
        rows = self.packed(keys, range(len(self.sources)))
        width = rows.shape[1]
        data = rows.tobytes()
        return [int.from_bytes(data[k : k + width]) for k in range(0, len(data), width)]

    def strings(self, keys: NDArray[np.integer]) -> list[str]:
        """Return the clbits as text, highest first, registers apart where they tile the clbits."""
        width = len(self.qubits)
        if width > _TABLE_QUBITS or len(keys) < 1 << width >> 3:
            return self._render(keys)
        table = _table(width, self.sources, tuple(members for _, members in self.registers))
        return [table[key] for key in keys.tolist()]

    def _render(self, keys: NDArray[np.integer]) -> list[str]:
        clbits, spaces = self._columns()
        width = len(clbits) + len(spaces)
        text = np.full((len(keys), width + 1), ord(" "), dtype=np.uint8)
        columns = [column for column in range(width) if column not in spaces]
        text[:, columns] = self.bits(keys)[:, clbits] + ord("0")
        text[:, width] = ord("\n")
        return text.tobytes().decode("ascii").split("\n")[:-1]

    def _columns(self) -> tuple[list[int], set[int]]:
        everything = list(range(len(self.sources)))
        tiled = [clbit for _, members in self.registers for clbit in members]
        spaces: set[int] = set()
        if tiled == everything:
            column = 0
            for _, members in reversed(self.registers):
                column += len(members)
                spaces.add(column)
                column += 1
            spaces.discard(column - 1)
        return everything[::-1], spaces


@lru_cache(maxsize=_TABLES)
def _table(
    width: int, sources: tuple[int, ...], registers: tuple[tuple[int, ...], ...]
) -> list[str]:
    """Return the text of every key, for all readouts that show keys in the same way."""
    named = tuple(("", members) for members in registers)
    return Readout(tuple(range(width)), sources, named)._render(np.arange(1 << width))


@dataclass(frozen=True)
class Samples:
    """Shots of many bindings. Row k is ``keys[begin:end]`` and ``counts[begin:end]``, ascending."""

    readout: Readout
    shots: int
    keys: NDArray[np.uint32]
    occurrences: NDArray[np.uint32]
    ends: NDArray[np.int64]
    seed: NDArray[np.uint64] = field(repr=False)

    @classmethod
    def joined(cls, pieces: Sequence[Samples]) -> Samples:
        """Return the samples of a list of bindings that was sampled piece by piece."""
        if len(pieces) == 1:
            return pieces[0]
        sizes = np.cumsum([0, *(int(piece.ends[-1]) for piece in pieces[:-1])])
        return cls(
            pieces[0].readout,
            pieces[0].shots,
            np.concatenate([piece.keys for piece in pieces]),
            np.concatenate([piece.occurrences for piece in pieces]),
            np.concatenate([piece.ends + size for piece, size in zip(pieces, sizes, strict=True)]),
            pieces[0].seed,
        )

    def __len__(self) -> int:
        return len(self.ends)

    def row(self, binding: int = 0) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return the keys that occurred for one binding, and how often each did."""
        begin = int(self.ends[binding - 1]) if binding > 0 else 0
        piece = slice(begin, int(self.ends[binding]))
        return self.keys[piece], self.occurrences[piece]

    def counts(self, binding: int = 0) -> dict[str, int]:
        """Return counts by bit string, as Qiskit writes them."""
        keys, occurrences = self.row(binding)
        return dict(zip(self.readout.strings(keys), occurrences.tolist(), strict=True))

    def hex_counts(self, binding: int = 0) -> dict[str, int]:
        """Return counts by hexadecimal number, as Qiskit's ``Result`` stores them."""
        keys, occurrences = self.row(binding)
        return dict(zip(map(hex, self.readout.integers(keys)), occurrences.tolist(), strict=True))

    def shot_keys(self, binding: int = 0) -> NDArray[np.int64]:
        """Return the key of every shot, in the random order in which the shots were taken."""
        from qruntime.execution.kernels import shuffle_shots

        keys, occurrences = self.row(binding)
        values = np.repeat(keys.astype(np.int64), occurrences)
        shuffle_shots(values, self.seed, binding)
        return values

    def memory(self, binding: int = 0) -> list[str]:
        """Return the bit string of every shot."""
        return self.readout.strings(self.shot_keys(binding))
