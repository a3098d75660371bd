# SPDX-License-Identifier: Apache-2.0
"""How ways of doing the same work are timed: in turns, in one process, on one core."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.results import Figure, Spread

Way = Callable[[Any], Any]
OURS = "ours"


@dataclass(frozen=True)
class Plan:
    """How long to measure. A turn is a burst of iterations, as in a loop.

    A way whose ``rounds`` turns would take longer than ``seconds`` has fewer of them, at least
    ``fewest``; how many it had stands beside its figure.
    """

    rounds: int = 15
    fewest: int = 3
    burst_seconds: float = 0.02
    seconds: float = 6.0

    def turns(self, once: float) -> int:
        """Return how many turns a way gets whose iteration takes so long."""
        return max(self.fewest, min(self.rounds, int(self.seconds / max(once, 1e-9))))


_CHEAP_SECONDS = 0.5

FULL = Plan()
QUICK = Plan(rounds=3, fewest=2, burst_seconds=0.004, seconds=0.4)


Burst = Callable[[int], float]
"""Does so many iterations and returns the seconds of one."""


@dataclass
class _Runner:
    burst: Burst
    repeats: int
    turns: int
    seconds: dict[int, float]


def looped(way: Way, values: Callable[[], Any]) -> Burst:
    """Return bursts of a way, each iteration with new ``values``."""

    def burst(repeats: int) -> float:
        given = [values() for _ in range(repeats)]
        begin = time.perf_counter()
        for item in given:
            way(item)
        return (time.perf_counter() - begin) / repeats

    return burst


def interleave(
    bursts: Mapping[str, Burst],
    plan: Plan,
    *,
    base: str = OURS,
    limits: Mapping[str, float] | None = None,
) -> dict[str, Figure]:
    """Time an iteration of each way, in turns.

    The order rotates from round to round. Ratios are between the turns of one round, to ``base``.
    ``limits`` are seconds for single ways, in the place of the plan's if they are fewer.
    """
    runners = {
        name: _prepared(burst, _limited(plan, limits, name)) for name, burst in bursts.items()
    }
    names = list(runners)
    for turn in range(plan.rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            runner = runners[name]
            if name == base or _due(turn, runner.turns, plan.rounds):
                runner.seconds[turn] = runner.burst(runner.repeats)
    return {name: _figure(runner, runners[base]) for name, runner in runners.items()}


def _limited(plan: Plan, limits: Mapping[str, float] | None, name: str) -> Plan:
    seconds = min(plan.seconds, (limits or {}).get(name, plan.seconds))
    return Plan(plan.rounds, plan.fewest, plan.burst_seconds, seconds)


def _prepared(burst: Burst, plan: Plan) -> _Runner:
    once = burst(1)
    if once < _CHEAP_SECONDS:  # the first call may have compiled or loaded something
        once = burst(1)
    if once < plan.burst_seconds / 4:
        once = burst(3)
    repeats = max(1, int(plan.burst_seconds / max(once, 1e-9)))
    return _Runner(burst, repeats, plan.turns(once * repeats), {})


def _due(turn: int, turns: int, rounds: int) -> bool:
    """Whether a way that has ``turns`` turns in all, evenly spread, has one now."""
    return (turn + 1) * turns // rounds > turn * turns // rounds


def _figure(runner: _Runner, base: _Runner) -> Figure:
    ratios = [taken / base.seconds[turn] for turn, taken in runner.seconds.items()]
    return Figure(
        microseconds=spread([taken * 1e6 for taken in runner.seconds.values()]),
        times_ours=spread(ratios),
        rounds=len(runner.seconds),
    )


def spread(values: list[float]) -> Spread:
    """Return the quartiles."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Stay on one core meanwhile, where the system can be asked to."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def memory_seconds(amplitudes: int) -> float:
    """Return how long one pass, read and write, over so many complex amplitudes takes here."""
    import numpy as np

    state = np.ones(max(2 * amplitudes, 1 << 14))
    repeats = max(1, (1 << 23) // state.size)
    rounds = []
    for _ in range(7):
        begin = time.perf_counter()
        for _ in range(repeats):
            np.multiply(state, 1.0, out=state)
        rounds.append((time.perf_counter() - begin) / repeats)
    return statistics.median(rounds) * 2 * amplitudes / state.size
