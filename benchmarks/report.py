# SPDX-License-Identifier: Apache-2.0
"""Tables of the results: for the terminal, and between the markers of docs/performance.md.

python -m benchmarks.report [RESULTS.json]    write page and picture anew from results
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.goals import CLAIMS, Case, Claim, Verdict, judge
from benchmarks.picture import draw
from benchmarks.results import LATEST, Cell, Figure, Results, load

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURE = DOCS / "performance.md", DOCS / "assets" / "performance.svg"
_BLOCK = re.compile(r"<!-- figures: ([a-z ]+) -->\n.*?<!-- end -->", re.DOTALL)
_FULL_ROUNDS = 15

Table = list[list[str]]


def goals(results: Results) -> str:
    """Return the goals, what was measured at the worst case of each, and which hold."""
    rows = [["goal", "", "asked", "holds", "measured, at the worst", "where", "careful", "naive"]]
    last = ""
    for claim in CLAIMS:
        verdict = judge(claim, results)
        rows.append([claim.goal if claim.goal != last else "", claim.text, *_judged(verdict)])
        last = claim.goal
    return markdown(rows)


def broken(results: Results) -> str:
    """Return a line for each goal that does not hold, with the reason if there is one."""
    lines = []
    for claim in CLAIMS:
        verdict = judge(claim, results)
        if verdict.holds is None:
            lines.append(f"- {claim.goal}, {claim.text}: not measured.")
        if verdict.holds is False and verdict.worst is not None:
            reached = f"{verdict.worst.value.middle / claim.threshold:.2f} times what was asked"
            missed = f"{verdict.of - verdict.kept} of {verdict.of} cases miss it"
            reason = f" Why: {claim.reason}." if claim.reason else ""
            lines.append(
                f"- {claim.goal}, {claim.text}: {missed}, the worst ({verdict.worst.title}) at "
                f"{reached}.{reason}"
            )
    return "\n".join(lines) or "All goals hold."


def _judged(verdict: Verdict) -> list[str]:
    claim, worst = verdict.claim, verdict.worst
    asked = f"{'>=' if claim.at_least else '<='} {_value(claim, claim.threshold)}"
    if worst is None:
        return [asked, "not measured", "", "", "", ""]
    holds = "yes" if verdict.holds else f"**no**, {verdict.kept} of {verdict.of} cases"
    return [asked, holds, _measured(claim, worst), worst.title, *_users(claim, worst)]


def _measured(claim: Claim, case: Case) -> str:
    low, high = _value(claim, case.value.low), _value(claim, case.value.high)
    fewer = f", {case.rounds} rounds" if 0 < case.rounds < _FULL_ROUNDS else ""
    spread = f" ({low} - {high}{fewer})" if low != high or fewer else ""
    return _value(claim, case.value.middle) + spread


def _users(claim: Claim, case: Case) -> list[str]:
    return ["" if user is None else _value(claim, user) for user in (case.careful, case.naive)]


def _value(claim: Claim, value: float) -> str:
    if claim.unit == "%":
        return f"{100 * value:.{0 if abs(value) >= 0.1 else 1}f} %"
    return f"{number(value)} {claim.unit}" if claim.unit == "MB" else f"{number(value)}x"


def number(value: float) -> str:
    """Return a number with three digits at most after the first."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def compared(results: Results, workload: str, note: str = "ours, us") -> str:
    """Return a table of a workload: our time, and how many times ours each peer takes."""
    cells = list(results.of(workload))
    names = [name for name in results.ways if any(name in cell.ways for cell in cells)]
    peers = [name for name in names if name != "ours"]
    rows = [["", note, *(_column(results, name) for name in peers)]]
    for cell in cells:
        ours = number(cell.ways["ours"].microseconds.middle)
        rows.append([cell.title, ours, *(_times(cell.ways.get(name)) for name in peers)])
    return markdown(rows)


def _column(results: Results, name: str) -> str:
    way = results.ways[name]
    return way.title + (f" ({way.precision})" if way.precision != "complex128" else "")


def _times(way: Figure | None) -> str:
    if way is None:
        return ""
    fewer = f"; {way.rounds} r" if way.rounds < _FULL_ROUNDS else ""
    low, high = number(way.times_ours.low), number(way.times_ours.high)
    return f"{number(way.times_ours.middle)} ({low} - {high}{fewer})"


def clops(results: Results) -> str:
    """Return the rates of the CLOPS protocol."""
    cells = list(results.of("clops"))
    names = list(cells[0].facts) if cells else []
    rows = [["circuit layer operations a second", *(results.ways[name].title for name in names)]]
    rows += [[cell.title, *(number(cell.facts[name].middle) for name in names)] for cell in cells]
    return markdown(rows) + "\n\nTimes ours:\n\n" + compared(results, "clops", "ours, us an update")


def limit(results: Results) -> str:
    """Return how far we are from the memory's speed."""
    rows = [
        [
            "",
            "layers",
            "gates",
            "ours, us",
            "a pass a layer, us",
            "ours",
            "a pass a gate, us",
            "ours",
        ]
    ]
    for cell in results.of("sampling"):
        ours = cell.ways["ours"].microseconds.middle
        layers, gates = (cell.facts[name].middle for name in ("bound by layers", "bound by gates"))
        rows.append(
            [
                cell.title,
                *(f"{cell.facts[name].middle:.0f}" for name in ("layers", "gates")),
                *map(number, (ours, layers, ours / layers, gates, ours / gates)),
            ]
        )
    return markdown(rows)


def facts(results: Results, workload: str, factor: float = 1.0) -> str:
    """Return a table of a workload's other figures."""
    cells = list(results.of(workload))
    names = list(cells[0].facts) if cells else []
    rows = [["", *names]]
    rows += [[cell.title, *(_fact(cell, name, factor) for name in names)] for cell in cells]
    return markdown(rows)


def _fact(cell: Cell, name: str, factor: float) -> str:
    if name not in cell.facts:
        return ""
    fact = cell.facts[name] * factor
    low, high = number(fact.low), number(fact.high)
    return number(fact.middle) + (f" ({low} - {high})" if low != high else "")


def growth(results: Results) -> str:
    """Return time and memory of many circuits in one call."""
    rows = [["", "us a circuit, at 100", "at 10,000", "times", "extra MB", "outputs, MB"]]
    for cell in results.of("growth"):
        few, many = cell.ways["few"], cell.ways["many"]
        times = [number(way.microseconds.middle) for way in (few, many)]
        memory = [_fact(cell, name, 1.0) for name in ("extra MB", "outputs MB")]
        rows.append([cell.title, *times, _times(many), *memory])
    return markdown(rows)


def machine(results: Results) -> str:
    """Return what it was measured on, and who took part."""
    found = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    lines = [
        f"Measured on {found['date']}: {found['processor']}, {found['cores']} cores, "
        f"{found['system']}, Python {found['python']}; {versions}. The load of the machine "
        f"was {found['load before']} before the start."
    ]
    lines += [f"{way.title}: {way.note}." for way in results.ways.values() if way.note]
    return "\n\n".join(lines)


BLOCKS = {
    "goals": goals,
    "broken": broken,
    "machine": machine,
    "sampling": lambda results: compared(results, "sampling"),
    "expectation": lambda results: compared(results, "expectation"),
    "clops": clops,
    "vqe": lambda results: compared(results, "vqe"),
    "user code": lambda results: compared(results, "user code"),
    "native": lambda results: facts(results, "native", 100.0),
    "growth": growth,
    "workers": lambda results: facts(results, "workers"),
    "limit": limit,
    "profile": lambda results: facts(results, "profile"),
}


def markdown(rows: Table) -> str:
    """Return a table, the first row its head, its columns aligned for those who read the source."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def terminal(results: Results, blocks: Iterable[str] = BLOCKS) -> str:
    """Return all tables as plain text."""
    return "\n\n".join(f"== {name} ==\n{BLOCKS[name](results)}" for name in blocks)


def page(text: str, results: Results) -> str:
    """Return a page with what stands between its markers written anew."""

    def block(match: re.Match[str]) -> str:
        name = match.group(1)
        return f"<!-- figures: {name} -->\n\n{BLOCKS[name](results)}\n\n<!-- end -->"

    return _BLOCK.sub(block, text)


def publish(results: Results) -> None:
    """Write the page and the picture of the documentation."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    PICTURE.write_text(draw(results), encoding="utf-8")


if __name__ == "__main__":
    publish(load(Path(sys.argv[1]) if len(sys.argv) > 1 else LATEST))
