# SPDX-License-Identifier: Apache-2.0
"""Run the suite: ``python -m benchmarks [--quick] [--only WORKLOAD ...] [--output FILE]``.

Writes the results, and unless it was asked for a part only, the page and picture of the
documentation.
"""

from __future__ import annotations

import os

for _name in ("OMP", "QULACS", "OPENBLAS", "NUMBA", "RAYON"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"

import argparse
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from benchmarks import machine, peers, report
from benchmarks.measure import FULL, QUICK, one_core
from benchmarks.results import LATEST, Cell, Results, Way, load
from benchmarks.workloads import Bench

WORKLOADS = (
    "sampling", "expectation", "clops", "vqe", "user_code", "native", "growth", "profile",
    "workers",
)  # fmt: skip
_ON_ALL_CORES = ("workers",)


def main() -> None:
    """Measure, print the tables, write the files."""
    asked = _arguments()
    bench, ways = _bench(quick=asked.quick)
    described = machine.describe()
    begin = time.perf_counter()
    cells = [cell for name in asked.only for cell in _measured(name, bench)]
    results = Results({**described, "seconds": round(time.perf_counter() - begin)}, ways, cells)
    print(report.terminal(results))
    if asked.quick:
        print(
            "\nquick: few rounds, small sizes, 10 circuits for 100, 1,000 for 10,000; no verdicts"
        )
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    results.save(asked.output)
    if asked.output == LATEST:
        report.publish(load(asked.output))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--output", type=Path, help="the JSON file to write")
    asked = parser.parse_args()
    if asked.output is None:
        part = asked.quick or tuple(asked.only) != WORKLOADS
        asked.output = LATEST.with_name("part.json") if part else LATEST
    return asked


def _bench(*, quick: bool) -> tuple[Bench, dict[str, Way]]:
    found, missing = peers.load()
    ways = {peer.name: Way(peer.title, peer.precision, peer.note) for peer in found}
    for title, reason in missing.items():
        ways[title] = Way(title, "", reason)
        print(f"{title}: {reason}", file=sys.stderr)
    if not any(peer.name == "ours" for peer in found):
        raise SystemExit("qruntime cannot be imported")
    return Bench(found, QUICK if quick else FULL, quick), ways


def _measured(name: str, bench: Bench) -> list[Cell]:
    workload = import_module(f"benchmarks.workloads.{name}")
    begin = time.perf_counter()
    if name in _ON_ALL_CORES:
        found = list(_told(workload, bench))
    else:
        with one_core():
            found = list(_told(workload, bench))
    print(f"{name}: {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    return found


def _told(workload: ModuleType, bench: Bench) -> Iterator[Cell]:
    begin = time.perf_counter()
    for cell in workload.cells(bench):
        took = time.perf_counter() - begin
        print(f"  {cell.workload}, {cell.title}: {took:.1f} s", file=sys.stderr, flush=True)
        begin = time.perf_counter()
        yield cell


if __name__ == "__main__":
    main()
