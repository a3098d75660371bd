# SPDX-License-Identifier: Apache-2.0
"""Run it: ``python -m benchmarks.service [--quick] [--only MEASURE ...] [--output FILE]``.

Writes the results, and unless it was asked for a part only, the page of the documentation.
"""

from __future__ import annotations

import os

for _name in ("OMP", "OPENBLAS", "NUMBA", "RAYON"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import machine
from benchmarks.results import Cell, Results, load
from benchmarks.service import report
from benchmarks.service.measures import MEASURES, QUEUED

_PACKAGES = ("qruntime", "qiskit", "qiskit-aer", "fastapi", "uvicorn", "sqlalchemy", "httpx2")


def main() -> None:
    """Measure, print the tables, write the files."""
    asked = _arguments()
    described = machine.describe(_PACKAGES)
    begin = time.perf_counter()
    cells = list(_measured(asked.only, quick=asked.quick, jobs=asked.jobs))
    described["seconds"] = round(time.perf_counter() - begin)
    described["load after"] = round(os.getloadavg()[0], 2)
    results = Results(described, {}, cells)
    print(report.terminal(results))
    if asked.quick:
        print("\nquick: few rounds and jobs, to see that it works; no verdicts")
    results.save(asked.output)
    if asked.output == report.RESULTS:
        report.publish(load(asked.output))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument("--only", nargs="+", choices=tuple(MEASURES), default=tuple(MEASURES))
    parser.add_argument("--jobs", type=int, default=QUEUED, help="how many jobs are queued")
    parser.add_argument("--output", type=Path, help="the JSON file to write")
    asked = parser.parse_args()
    if asked.output is None:
        part = asked.quick or tuple(asked.only) != tuple(MEASURES)
        asked.output = report.RESULTS.with_name("part.json") if part else report.RESULTS
    return asked


def _measured(names: list[str], *, quick: bool, jobs: int) -> Iterator[Cell]:
    for name in names:
        begin = time.perf_counter()
        more = {"jobs": jobs} if name == "drain" else {}
        yield from MEASURES[name](quick=quick, **more)
        print(f"{name}: {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
