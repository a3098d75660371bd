# SPDX-License-Identifier: Apache-2.0
"""What is measured of a server, each as one cell of the results."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from benchmarks.families import FAMILIES, SHOTS, measured
from benchmarks.measure import spread
from benchmarks.results import Cell, Spread
from benchmarks.service.cutting import cutting
from benchmarks.service.serving import PROGRAMS, serving
from qruntime import RuntimeService
from qruntime.core.jobs import EventKind, JobEvent, JobStatus

NAME = "service"
QUEUED = 10_000
_SEED = 7


def first_job(*, quick: bool) -> Iterator[Cell]:
    """Measure from the start of a process with no data to the result of its first job."""
    rounds = 2 if quick else 9
    listening, results = [], []
    for _ in range(rounds):
        with serving() as server, server.client() as client:
            program = client.upload_program(PROGRAMS / "hello.py")
            assert client.run(program).result(60) == "hello"
            results.append(time.perf_counter() - server.began)
            listening.append(server.listening - server.began)
    facts = {
        "listening, s": spread(listening),
        "first result, s": spread(results),
        "starts": exactly(rounds),
    }
    yield Cell(NAME, "first job", 0, facts=facts)


def latency(*, quick: bool) -> Iterator[Cell]:
    """Measure jobs that do nothing, one after the other, from submission to result."""
    number = 40 if quick else 500
    with serving() as server, server.client() as client:
        program = client.upload_program(PROGRAMS / "hello.py")
        for _ in range(5):
            client.run(program).result(60)
        times = [_milliseconds(client, program) for _ in range(number)]
    parts = [times[start : start + number // 5] for start in range(0, number, number // 5)]
    highs = [_percentile(part, 95) for part in parts]
    facts = {
        "p50, ms": spread(times),
        "p95, ms": Spread(min(highs), _percentile(times, 95), max(highs)),
        "slowest, ms": exactly(max(times)),
        "jobs": exactly(number),
    }
    yield Cell(NAME, "hello", 0, facts=facts)


def _milliseconds(client: RuntimeService, program: str) -> float:
    begin = time.perf_counter()
    assert client.run(program).result(60) == "hello"
    return 1e3 * (time.perf_counter() - begin)


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def drain(*, quick: bool, jobs: int = QUEUED) -> Iterator[Cell]:
    """Queue jobs behind two that wait, let all go, and count how often each has run."""
    number, threads, slots = 100 if quick else jobs, 4, 2
    with serving("--workers", str(slots)) as server, server.client() as client:
        go, tally = server.folder / "go", server.folder / "tally"
        _keep_busy(client, slots, go)
        program = client.upload_program(PROGRAMS / "tally.py")

        def submit(step: int) -> str:
            return str(client.run(program, {"number": step, "tally": str(tally)}).job_id)

        begin = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            job_ids = list(pool.map(submit, range(number)))
        queued = time.perf_counter()
        go.touch()
        while client.jobs(pending=True, limit=1):
            time.sleep(0.25)
        drained = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            verdicts = list(pool.map(lambda of: _verdict(client, of), enumerate(job_ids)))
        ran = Counter(int(line) for line in tally.read_text().split())
    wrong = Counter(verdicts)
    facts = {
        "lost": exactly(wrong["lost"] + sum(ran[step] == 0 for step in range(number))),
        "doubled": exactly(wrong["doubled"] + sum(count > 1 for count in ran.values())),
        "submitted a second": exactly(number / (queued - begin)),
        "run a second": exactly(number / (drained - queued)),
        "jobs": exactly(len(set(job_ids))),
    }
    yield Cell(NAME, "drain", 0, facts=facts)


def _keep_busy(client: RuntimeService, slots: int, go: Path) -> None:
    gate = client.upload_program(PROGRAMS / "gate.py")
    for _ in range(slots):
        next(client.run(gate, {"go": str(go)}).stream())


def _verdict(client: RuntimeService, of: tuple[int, str]) -> str:
    """Say of a job whether its events and its result are those of one run."""
    number, job_id = of
    job = client.job(job_id)
    states = [event.data for event in job.events() if event.kind is EventKind.STATUS]
    if states.count(JobStatus.RUNNING) > 1 or states.count(JobStatus.COMPLETED) > 1:
        return "doubled"
    once = states == [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.COMPLETED]
    return "right" if once and json.loads(job.result_text()) == number else "lost"


def stream(*, quick: bool) -> Iterator[Cell]:
    """Follow interim results over a connection that is reset three times."""
    number, rounds = (400, 1) if quick else (10_000, 5)
    cuts, wrong, rates = [], [], []
    with serving() as server, server.client() as client:
        program = client.upload_program(PROGRAMS / "publish.py")
        for _ in range(rounds):
            after = [number // 4, number // 2, 3 * number // 4]
            with cutting(server.url, after) as way, server.client(way.url) as follower:
                begin = time.perf_counter()
                job_id = str(client.run(program, {"number": number}).job_id)
                found = list(follower.job(job_id).events())
                rates.append(number / (time.perf_counter() - begin))
                cuts.append(way.cuts)
            wrong.append(_misplaced(found, number))
    facts = {
        "wrong": exactly(sum(wrong)),
        "cuts": exactly(min(cuts)),
        "interim results a second": spread(rates),
        "interim results": exactly(number),
        "rounds": exactly(rounds),
    }
    yield Cell(NAME, "stream", 0, facts=facts)


def _misplaced(found: list[JobEvent], number: int) -> int:
    """Return how many interim results are missing, doubled or out of order, gaps included."""
    gaps = sum(later.cursor != earlier.cursor + 1 for earlier, later in pairwise(found))
    told = [json.loads(e.data)["step"] for e in found if e.kind is EventKind.INTERIM_RESULT]
    right = sum(step == wanted for step, wanted in zip(told, range(number), strict=False))
    return gaps + max(len(told), number) - right


def loop(*, quick: bool) -> Iterator[Cell]:
    """Time the same hybrid loop in a served job and in a runtime of this process, in turns."""
    rounds, seconds = (2, 0.05) if quick else (15, 0.4)
    with serving() as server, server.client() as there, RuntimeService() as here:
        for client in (there, here):
            client.upload_program(PROGRAMS / "timed_loop.py")
        for qubits in (4,) if quick else (4, 8, 12):
            yield _loop(there, here, qubits, rounds, seconds)


def _loop(
    there: RuntimeService, here: RuntimeService, qubits: int, rounds: int, seconds: float
) -> Cell:
    circuit = measured(FAMILIES["hea"](qubits))
    inputs = {"circuit": circuit, "shots": SHOTS, "seed": _SEED}

    def once(client: RuntimeService, seconds: float) -> float:
        return float(client.run("timed_loop", {**inputs, "seconds": seconds}).result(120))

    ways = [(there, []), (here, [])]
    for client, _ in ways:
        once(client, 0.01)
    for turn in range(rounds):
        for client, times in ways if turn % 2 else ways[::-1]:
            times.append(once(client, seconds))
    served, local = (times for _, times in ways)
    facts = {
        "served to in-process": spread([a / b for a, b in zip(served, local, strict=True)]),
        "served, us": spread([1e6 * value for value in served]),
        "in-process, us": spread([1e6 * value for value in local]),
        "rounds": exactly(rounds),
    }
    return Cell(NAME, "loop", qubits, facts=facts)


def exactly(value: float) -> Spread:
    """Return a figure without a spread."""
    return Spread(value, value, value)


Measure = Callable[..., Iterator[Cell]]

MEASURES: dict[str, Measure] = {
    "first job": first_job,
    "hello": latency,
    "drain": drain,
    "stream": stream,
    "loop": loop,
}
