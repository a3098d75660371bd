# SPDX-License-Identifier: Apache-2.0
"""The goals of the server, the tables, and the page of the documentation that they stand on.

python -m benchmarks.service.report [RESULTS.json]    write the page anew from results
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import report
from benchmarks.goals import Case, Claim, judge
from benchmarks.report import DOCS, Table, markdown, number
from benchmarks.results import LATEST, Results, Spread, load

RESULTS = LATEST.with_name("service.json")
PAGE = DOCS / "service-performance.md"
_BLOCK = re.compile(r"<!-- figures: ([a-z ]+) -->\n.*?<!-- end -->", re.DOTALL)


def of(case: str, fact: str) -> Callable[[Results], Iterable[Case]]:
    """Return the cases "this fact of this measurement"."""

    def cases(results: Results) -> Iterable[Case]:
        for cell in results.of("service", case):
            yield Case(cell.title, cell.facts[fact])

    return cases


def at_most(name: str, goal: str, limit: float, case: str, fact: str) -> Claim:
    """Return the claim that a fact stays below a limit; its unit is behind the fact's comma."""
    return Claim(name, goal, fact, limit, of(case, fact), at_least=False)


_FIRST = "from an empty data folder to the first result"
_HELLO = "a job that does nothing, submission to result"
_DRAIN = "10,000 queued jobs, each run once"
_STREAM = "10,000 interim results, cut off three times"
_LOOP = "a hybrid loop in a served job"

CLAIMS = (
    at_most("first", _FIRST, 3.0, "first job", "first result, s"),
    at_most("p50", _HELLO, 60.0, "hello", "p50, ms"),
    at_most("p95", _HELLO, 200.0, "hello", "p95, ms"),
    Claim("jobs", _DRAIN, "jobs", 10_000.0, of("drain", "jobs")),
    at_most("lost", _DRAIN, 0.0, "drain", "lost"),
    at_most("doubled", _DRAIN, 0.0, "drain", "doubled"),
    at_most("wrong", _STREAM, 0.0, "stream", "wrong"),
    Claim("cuts", _STREAM, "cuts", 3.0, of("stream", "cuts")),
    at_most("loop", _LOOP, 1.05, "loop", "served to in-process"),
)


def goals(results: Results) -> str:
    """Return the goals, what was measured at the worst case of each, and which hold."""
    rows: Table = [["goal", "", "asked", "holds", "measured"]]
    last = ""
    for claim in CLAIMS:
        verdict = judge(claim, results)
        asked = f"{'>=' if claim.at_least else '<='} {number(claim.threshold)}"
        holds = {True: "yes", False: "**no**", None: "not measured"}[verdict.holds]
        found = "" if verdict.worst is None else figure(verdict.worst.value)
        rows.append([claim.goal if claim.goal != last else "", claim.text, asked, holds, found])
        last = claim.goal
    return markdown(rows)


def machine(results: Results) -> str:
    """Return what it was measured on, and how much else that had to do."""
    return f"{report.machine(results)} It was {results.machine['load after']} at the end."


def facts(results: Results) -> str:
    """Return everything that was measured."""
    rows: Table = [["", "", "median (quartiles)"]]
    for cell in results.cells:
        for place, (name, value) in enumerate(cell.facts.items()):
            rows.append(["" if place else cell.title, name, figure(value)])
    return markdown(rows)


def figure(value: Spread) -> str:
    """Return a figure, with its spread if it has one."""
    if value.low == value.high:
        return number(value.middle)
    return f"{number(value.middle)} ({number(value.low)} - {number(value.high)})"


BLOCKS: dict[str, Callable[[Results], str]] = {
    "machine": machine,
    "goals": goals,
    "facts": facts,
}


def terminal(results: Results) -> str:
    """Return the tables as plain text."""
    return f"{goals(results)}\n\n{facts(results)}"


def page(text: str, results: Results) -> str:
    """Return a page with what stands between its markers written anew."""

    def block(match: re.Match[str]) -> str:
        name = match.group(1)
        return f"<!-- figures: {name} -->\n\n{BLOCKS[name](results)}\n\n<!-- end -->"

    return _BLOCK.sub(block, text)


def publish(results: Results) -> None:
    """Write the page of the documentation."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    publish(load(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS))
