# SPDX-License-Identifier: Apache-2.0
"""What is measured: one file each, which yields cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.measure import Plan
from benchmarks.peers import Peer, Row


@dataclass(frozen=True)
class Bench:
    """What a workload is given: who takes part, how long to measure, and whether only to try."""

    peers: list[Peer]
    plan: Plan
    quick: bool

    def named(self, *names: str) -> list[Peer]:
        """Return those of the named peers that are installed."""
        return [peer for peer in self.peers if peer.name in names]

    @property
    def limits(self) -> dict[str, float]:
        """How long each peer may take in a cell."""
        return {peer.name: peer.seconds for peer in self.peers}


def new_rows(width: int) -> Callable[[], Row]:
    """Return what draws new values for so many parameters, the same sequence each time."""
    generator = np.random.default_rng(1)
    return lambda: generator.uniform(-3.0, 3.0, width)


def fixed_rows(width: int, number: int = 2) -> Iterator[Row]:
    """Yield rows to check a way with: a second one shows that parameters are really new."""
    generator = np.random.default_rng(2)
    for _ in range(number):
        yield generator.uniform(-3.0, 3.0, width)
