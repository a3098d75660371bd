# SPDX-License-Identifier: Apache-2.0
"""``LazyCounts``: counts without the steps that make Qiskit's slow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from qiskit.result import Counts


class LazyCounts(Counts):
    """Qiskit's ``Counts`` whose outcomes as numbers are worked out when somebody asks."""

    @classmethod
    def of(
        cls,
        pairs: Iterable[tuple[str, int]],
        registers: Any,
        memory_slots: int,
        time_taken: Any = None,
    ) -> Self:
        """Return counts of outcomes that are formatted already."""
        counts = cls.__new__(cls)
        dict.update(counts, pairs)
        counts.creg_sizes = registers
        counts.memory_slots = memory_slots
        counts.time_taken = time_taken
        return counts

    @property
    def int_raw(self) -> dict[int, int]:
        """The counts by outcome as an integer."""
        return {int(key.replace(" ", ""), 2): number for key, number in self.items()}

    @property
    def hex_raw(self) -> dict[str, int]:
        """The counts by outcome in hexadecimal."""
        return {hex(key): number for key, number in self.int_raw.items()}
