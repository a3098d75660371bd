# SPDX-License-Identifier: Apache-2.0
"""What ``run().result().get_counts()`` adds to the time that Aer itself says it took.

Ours is the tier ``native``, which runs in Aer's controller; the careful and the naive user are
beside it. Figures are the time added as a part of Aer's own, 0.1 for a tenth.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator

from benchmarks.families import SHOTS, SIZES, hea, measured
from benchmarks.measure import Plan, spread
from benchmarks.peers import Row
from benchmarks.results import Cell, Spread
from benchmarks.workloads import Bench, new_rows
from qruntime import AerBackend

NAME = "native"

Run = Callable[[Row], Any]
_NAIVE_ROUNDS = 3


def cells(bench: Bench) -> Iterator[Cell]:
    for n in SIZES[:1] if bench.quick else SIZES:
        circuit = measured(hea(n))
        yield Cell(NAME, "hea", n, {}, _added(_runs(circuit), circuit.num_parameters, bench.plan))


def _runs(circuit: QuantumCircuit) -> dict[str, Run]:
    template = AerBackend().compile(circuit, tier="native")
    simulator = AerSimulator(max_parallel_threads=1)
    ready = transpile(circuit, simulator)
    return {
        "ours": lambda row: template.run(row, shots=SHOTS).result(),
        "careful": lambda row: simulator.run(ready.assign_parameters(row), shots=SHOTS).result(),
        "naive": lambda row: simulator.run(
            transpile(circuit.assign_parameters(row), simulator), shots=SHOTS
        ).result(),
    }


def _added(runs: dict[str, Run], width: int, plan: Plan) -> dict[str, Spread]:
    rows = new_rows(width)
    parts: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(plan.rounds + 1):
        for name, run in runs.items():
            if name == "naive" and turn > _NAIVE_ROUNDS:
                continue
            part = _one_turn(run, rows, plan.burst_seconds)
            if turn:  # the first turn warms up
                parts[name].append(part)
    return {name: spread(values) for name, values in parts.items()}


def _one_turn(run: Run, rows: Callable[[], Row], seconds: float) -> float:
    whole = inside = 0.0
    while whole < seconds:
        row = rows()
        begin = time.perf_counter()
        result = run(row)
        result.get_counts()
        whole += time.perf_counter() - begin
        inside += result.results[0].time_taken
    return whole / inside - 1
