# SPDX-License-Identifier: Apache-2.0
"""Where one iteration spends its time: the clock is read between the stages of the public path.

What ``run`` adds to the compiled call is the difference to that call alone, made beside it; so are
the shots, to one shot. Binding and simulating are one compiled call and so one stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median
from time import perf_counter

from benchmarks.families import SHOTS, hea, measured
from benchmarks.measure import spread
from benchmarks.peers import Row
from benchmarks.results import Cell
from benchmarks.workloads import Bench, new_rows
from qruntime import AerBackend
from qruntime.execution import StatevectorProgram

NAME = "profile"
_STAGES = ("bind and simulate", "draw the shots", "checks and job", "result", "counts to a dict")


def cells(bench: Bench) -> Iterator[Cell]:
    for n in (4,) if bench.quick else (4, 12, 20):
        circuit = measured(hea(n))
        program, template = StatevectorProgram.compile(circuit), AerBackend().compile(circuit)
        rows = new_rows(circuit.num_parameters)

        def iteration(
            program: StatevectorProgram = program, template=template, rows: Callable[[], Row] = rows
        ) -> list[float]:
            row = rows()
            times = [perf_counter()]
            job = template.run(row, shots=SHOTS)
            times.append(perf_counter())
            result = job.result()
            times.append(perf_counter())
            result.get_counts()
            times.append(perf_counter())
            program.sample(row, SHOTS)
            times.append(perf_counter())
            program.sample(row, 1)
            times.append(perf_counter())
            run, *after, many, one = [1e6 * (b - a) for a, b in pairwise(times)]
            return [one, max(0.0, many - one), max(0.0, run - many), *after]

        turns = [_turn(iteration, bench.plan.burst_seconds) for _ in range(bench.plan.rounds + 1)]
        stages = zip(*turns[1:], strict=True)  # the first turn warms up
        facts = {name: spread(list(found)) for name, found in zip(_STAGES, stages, strict=True)}
        yield Cell(NAME, "hea", n, {}, facts)


def _turn(iteration: Callable[[], list[float]], seconds: float) -> list[float]:
    end = perf_counter() + seconds
    found = [iteration()]
    while perf_counter() < end:
        found.append(iteration())
    return [median(stage) for stage in zip(*found, strict=True)]
