# SPDX-License-Identifier: Apache-2.0
"""Circuit layer operations per second, by the protocol of Wack et al. (arXiv:2110.14108).

A hundred circuits of random two-qubit unitaries, as deep as wide, are prepared before the clock
starts. An update runs all of them with 100 shots, and the parameters of the next update are drawn
from a generator seeded by all counts of the last. The protocol has ten updates; they are alike, so
a turn here is as many as fit. The naive user, who transpiles every circuit again, runs ten of the
hundred, and the time is multiplied by ten.
"""

from __future__ import annotations

import dataclasses
import time
import zlib
from collections.abc import Iterator

import numpy as np

from benchmarks.agreement import check_counts, exact_probabilities
from benchmarks.families import measured, qv
from benchmarks.measure import Burst, interleave, spread
from benchmarks.peers import Counts, Peer, Row
from benchmarks.results import Cell
from benchmarks.workloads import Bench

NAME = "clops"
CIRCUITS, SHOTS = 100, 100
_NAIVE_CIRCUITS = 10
_SECONDS = 4.0


def cells(bench: Bench) -> Iterator[Cell]:
    peers = bench.named("ours", "careful", "naive", "aer_v2", "qulacs")
    plan = dataclasses.replace(bench.plan, seconds=min(bench.plan.seconds, _SECONDS))
    for n in (5,) if bench.quick else (5, 8, 12):
        circuits = [qv(n, seed=k, layers=n) for k in range(10 if bench.quick else CIRCUITS)]
        exact = exact_probabilities(circuits[0], next_rows(circuits[0].num_parameters, [])[0])
        bursts = {peer.name: _updates(peer, circuits, exact) for peer in peers}
        ways = interleave(bursts, plan, limits=bench.limits)
        done = len(circuits) * SHOTS * n
        rates = {
            name: spread([done / us * 1e6 for us in dataclasses.astuple(way.microseconds)])
            for name, way in ways.items()
        }
        yield Cell(NAME, "qv", n, ways, rates)


def next_rows(width: int, counts: list[Counts], number: int = 1) -> list[Row]:
    """Return the parameters of the next update, which follow from all counts of the last."""
    seed = 1
    for found in counts:
        seed = zlib.crc32(str(found).encode(), seed)
    return list(np.random.default_rng(seed).uniform(-np.pi, np.pi, (number, width)))


def _updates(peer: Peer, circuits: list, exact: np.ndarray) -> Burst:
    chosen = circuits[:_NAIVE_CIRCUITS] if peer.name == "naive" else circuits
    width, number = circuits[0].num_parameters, len(chosen)
    run = peer.many([measured(circuit) for circuit in chosen], SHOTS)
    check_counts(peer.name, run(next_rows(width, []) * number)[0], exact)
    rows = next_rows(width, [], number)

    def burst(repeats: int) -> float:
        nonlocal rows
        begin = time.perf_counter()
        for _ in range(repeats):
            rows = next_rows(width, run(rows), number)
        return (time.perf_counter() - begin) / repeats * len(circuits) / number

    return burst
