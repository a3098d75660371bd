# SPDX-License-Identifier: Apache-2.0
"""Many circuits in one call: the time of each, and the memory, at 100 and at 10,000.

``template.run`` gets the values as one array, ``backend.run`` a list of bound circuits; both with
the counts of all. Memory is that of a fresh process: its peak during the call above what it held
before, less the outputs, as arrays of 8 bytes for each outcome that occurred.

    python -m benchmarks.workloads.growth CASE NUMBER    what that process runs
"""

from __future__ import annotations

import dataclasses
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.families import SHOTS, hea, measured
from benchmarks.measure import Burst, interleave, spread
from benchmarks.results import Cell, Figure
from benchmarks.workloads import Bench

NAME = "growth"
QUBITS = 4
FEW, MANY = 100, 10_000
_OUTCOME_BYTES = 8
_MEGABYTE = 1 << 20
_SECONDS = 12.0

Call = Callable[[], Any]


def cells(bench: Bench) -> Iterator[Cell]:
    many = 10 * FEW if bench.quick else MANY
    for case, prepare in CASES.items():
        numbers = {"few": FEW, "many": many}
        bursts = {name: _burst(prepare(number)) for name, number in numbers.items()}
        plan = dataclasses.replace(bench.plan, fewest=1)
        ways = interleave(bursts, plan, base="few", limits=dict.fromkeys(bursts, _SECONDS))
        circuits = {name: _of_a_circuit(way, numbers[name]) for name, way in ways.items()}
        yield Cell(NAME, case, QUBITS, circuits, _memory(case, many))


def _of_a_circuit(call: Figure, number: int) -> Figure:
    return Figure(call.microseconds * (1 / number), call.times_ours * (FEW / number), call.rounds)


def _template(number: int) -> Call:
    from qruntime import AerBackend

    template = AerBackend().compile(measured(hea(QUBITS)))
    values = _values(number)
    return lambda: template.run(values, shots=SHOTS).result()


def _plain_run(number: int) -> Call:
    from qruntime import AerBackend

    backend, circuit = AerBackend(), measured(hea(QUBITS))
    circuits = [circuit.assign_parameters(row) for row in _values(number)]
    return lambda: backend.run(circuits, shots=SHOTS).result()


CASES: dict[str, Callable[[int], Call]] = {
    "template.run": _template,
    "backend.run": _plain_run,
}


def _values(number: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-3.0, 3.0, (number, 8 * QUBITS))


def _burst(call: Call) -> Burst:
    def burst(repeats: int) -> float:
        begin = time.perf_counter()
        for _ in range(repeats):
            call().get_counts()
        return (time.perf_counter() - begin) / repeats

    return burst


def _memory(case: str, number: int) -> dict[str, Any]:
    if not Path("/proc/self/clear_refs").exists():
        return {}
    command = [sys.executable, "-m", "benchmarks.workloads.growth", case, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name: spread([value]) for name, value in json.loads(done.stdout).items()}


def _measure_memory(case: str, number: int) -> None:
    """Print the memory, in MB, of one call in this process."""
    CASES[case](2)().get_counts()
    call = CASES[case](number)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before = _status("VmRSS")
    result = call()
    outcomes = sum(len(result.get_counts(place)) for place in range(number))
    extra = _status("VmHWM") - before
    outputs = outcomes * _OUTCOME_BYTES / _MEGABYTE
    print(json.dumps({"extra MB": max(0.0, extra - outputs), "outputs MB": outputs}))


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) / 1024
    raise KeyError(field)


if __name__ == "__main__":
    _measure_memory(sys.argv[1], int(sys.argv[2]))
