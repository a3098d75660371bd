# SPDX-License-Identifier: Apache-2.0
"""Programs that begin alike are sampled from one state: many measurement bases of one ansatz.

Where a list of nodes begins several programs, it becomes a program of its own, and what is left of
each continues from the states that it gives. Gates that commute may then be done in another order
than in the whole circuit: amplitudes agree to rounding, and shots for a seed are the same but where
rounding decides, as between two outcomes of equal probability.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qruntime.execution.alike import Common, common_beginnings
from qruntime.execution.expressions import Angle, Parameters
from qruntime.execution.fusion import Fused
from qruntime.execution.program import StatevectorProgram, check_shots, seed_words
from qruntime.execution.readout import Samples

Rows = NDArray[np.float64]

_CHUNK_AMPLITUDES = 1 << 18
_CHUNK_OUTCOMES = 1 << 21


def chunks(rows: int, qubits: int, shots: int) -> Iterator[slice]:
    """Yield bindings whose states are held at the same time: 4 MiB of them, or one."""
    outcomes = min(shots, 1 << qubits)
    step = max(1, min(_CHUNK_AMPLITUDES >> qubits, _CHUNK_OUTCOMES // outcomes))
    for begin in range(0, rows, step):
        yield slice(begin, min(begin + step, rows))


@dataclass(frozen=True)
class _Family:
    common: Common
    prefix: StatevectorProgram
    tails: tuple[StatevectorProgram, ...]

    @classmethod
    def of(cls, common: Common, programs: Sequence[StatevectorProgram]) -> _Family:
        lead = programs[common.members[0]]
        parameters = Parameters.plain(len(common.columns[0]))
        prefix = StatevectorProgram(
            common.fused, lead.num_qubits, lead.readout, parameters, continues=False
        )
        tails = []
        for member in common.members:
            rest = Fused({}, Angle(), programs[member].fused.nodes[common.nodes :])
            tails.append(programs[member].other(rest, continues=True))
        return cls(common, prefix, tuple(tails))

    def alike(self, extended: Sequence[Rows]) -> Iterator[list[int]]:
        """Yield members, by place, whose prefix has the same values for every binding."""
        found: dict[Hashable, list[int]] = defaultdict(list)
        for place, (rows, columns) in enumerate(zip(extended, self.common.columns, strict=True)):
            picked = rows[:, columns]
            found[picked.shape if columns else None, picked.tobytes()].append(place)
        for places in found.values():
            bindings = max(len(extended[place]) for place in places)
            if self.common.pays(len(places), bindings):
                yield places


@dataclass(frozen=True)
class SharedPrefixes:
    """Programs to be sampled together. Made by ``of``; may be used from several threads."""

    programs: tuple[StatevectorProgram, ...]
    _families: tuple[_Family, ...] = field(repr=False)

    @classmethod
    def of(cls, programs: Sequence[StatevectorProgram]) -> SharedPrefixes:
        """Find what the programs have in common; what does not pay is left alone."""
        found = common_beginnings([(program.fused, program.num_qubits) for program in programs])
        return cls(tuple(programs), tuple(_Family.of(common, programs) for common in found))

    @property
    def shared(self) -> tuple[tuple[int, ...], ...]:
        """The places of the programs that begin alike, where it pays to use that."""
        return tuple(family.common.members for family in self._families)

    def sample(
        self, rows: Sequence[Rows], shots: int, *, seed: int, streams: Sequence[int]
    ) -> list[Samples]:
        """Return what each program's ``sample`` gives for its rows and stream.

        Raises:
            InvalidInputError: the rows or the shots do not fit.
        """
        check_shots(shots)
        found: dict[int, Samples] = {}
        for family in self._families:
            members = family.common.members
            if not family.common.pays(len(members), max(len(rows[member]) for member in members)):
                continue
            extended = [self.programs[member].extended(rows[member]) for member in members]
            for places in family.alike(extended):
                lead = places[0]
                run = _Run(family.prefix, extended[lead][:, family.common.columns[lead]], shots)
                for place in places:
                    words = seed_words(seed, streams[members[place]])
                    run.tails.append((family.tails[place], extended[place], words))
                found |= zip((members[place] for place in places), run.sample(), strict=True)
        for number, program in enumerate(self.programs):
            if number not in found:
                stream = streams[number]
                found[number] = program.sample(rows[number], shots, seed=seed, stream=stream)
        return [found[number] for number in range(len(self.programs))]


@dataclass
class _Run:
    """One prefix with its values, and what is to be sampled from its states."""

    prefix: StatevectorProgram
    values: Rows
    shots: int
    tails: list[tuple[StatevectorProgram, Rows, NDArray[np.uint64]]] = field(default_factory=list)

    def sample(self) -> list[Samples]:
        pieces: list[list[Samples]] = [[] for _ in self.tails]
        bindings = max(len(rows) for _, rows, _ in self.tails)
        varies = self.values.shape[1] > 0
        for chunk in chunks(bindings, self.prefix.num_qubits, self.shots):
            if varies or chunk.start == 0:
                values = self.values[chunk] if varies else self.values[:1]
                states = self.prefix.states(values).view(np.float64)
            for (tail, rows, words), drawn in zip(self.tails, pieces, strict=True):
                if chunk.start < len(rows):
                    drawn.append(tail.draw(rows[chunk], states, chunk.start, self.shots, words))
        return [Samples.joined(drawn) for drawn in pieces]
