# SPDX-License-Identifier: Apache-2.0
"""Two worker processes against one: iterations of a hybrid loop in the same time.

Two jobs of ``programs/steady_loop.py`` run on a runtime with a process each. The first works in
every window of time, the second in every other one: so one worker and two take turns. The circuit
is one whose state does not fit the innermost cache.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.families import SHOTS, hea, measured
from benchmarks.measure import spread
from benchmarks.programs import steady_loop
from benchmarks.results import Cell
from benchmarks.workloads import Bench
from qruntime import RuntimeService

NAME = "workers"
_WINDOW_SECONDS = 0.4
_READY_SECONDS = 180.0


def cells(bench: Bench) -> Iterator[Cell]:
    for n in (12,) if bench.quick else (4, 12):
        first, second = _iterations(n, 2 * bench.plan.rounds)
        one, two = first[::2], [a + b for a, b in zip(first[1::2], second[1::2], strict=True)]
        facts = {
            "one worker, iterations/s": spread([done / _WINDOW_SECONDS for done in one]),
            "two workers, iterations/s": spread([done / _WINDOW_SECONDS for done in two]),
            "two to one": spread([b / a for a, b in zip(one, two, strict=True)]),
        }
        yield Cell(NAME, "hea", n, {}, facts)


def _iterations(n: int, windows: int) -> list[list[int]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        RuntimeService(isolation="process", jobs_at_once=2) as service,
    ):
        go = Path(folder) / "go"
        program = service.upload_program(Path(steady_loop.__file__), name="steady_loop")
        common = {
            "circuit": measured(hea(n)),
            "shots": SHOTS,
            "go": str(go),
            "windows": windows,
            "seconds": _WINDOW_SECONDS,
        }
        jobs = [service.run(program, {**common, "only_odd": odd}) for odd in (False, True)]
        deadline = time.time() + _READY_SECONDS
        while not all(job.interim_results() for job in jobs):
            if time.time() > deadline or any(job.in_final_state() for job in jobs):
                raise RuntimeError(f"a worker did not start: {[job.logs() for job in jobs]}")
            time.sleep(0.05)
        whole = Path(folder) / "go.new"
        whole.write_text(str(time.time() + 0.2))
        whole.rename(go)
        return [job.result() for job in jobs]
