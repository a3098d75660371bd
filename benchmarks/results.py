# SPDX-License-Identifier: Apache-2.0
"""What was measured, as records, and as the JSON file that tables and picture are made of."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LATEST = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True)
class Spread:
    """The quartiles of what several rounds gave."""

    low: float
    middle: float
    high: float

    def __mul__(self, by: float) -> Spread:
        return Spread(self.low * by, self.middle * by, self.high * by)


@dataclass(frozen=True)
class Figure:
    """One way of doing the work: the time of an iteration, and how many times ours it is."""

    microseconds: Spread
    times_ours: Spread
    rounds: int


@dataclass(frozen=True)
class Cell:
    """One piece of work: the ways in which it was done, and other figures of it by name."""

    workload: str
    case: str
    qubits: int
    ways: dict[str, Figure] = field(default_factory=dict)
    facts: dict[str, Spread] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The case and its size."""
        return f"{self.case}, n={self.qubits}" if self.qubits else self.case


@dataclass(frozen=True)
class Way:
    """Who took part: a name for people, the precision of the state, and what limits it.

    ``note`` says so, or why it took no part; the precision is empty then.
    """

    title: str
    precision: str
    note: str = ""


@dataclass(frozen=True)
class Results:
    """Everything that one run of the suite found."""

    machine: dict[str, Any]
    ways: dict[str, Way]
    cells: list[Cell]

    def of(self, workload: str, *cases: str) -> Iterator[Cell]:
        """Yield the cells of a workload, or of some cases of it."""
        for cell in self.cells:
            if cell.workload == workload and (not cases or cell.case in cases):
                yield cell

    def cell(self, workload: str, case: str, qubits: int) -> Cell | None:
        """Return one cell, or None if it was not measured."""
        found = [cell for cell in self.of(workload, case) if cell.qubits == qubits]
        return found[0] if found else None

    def save(self, path: Path) -> None:
        """Write the results as JSON, figures to four digits."""
        text = json.dumps(_rounded(dataclasses.asdict(self)), indent=1)
        path.write_text(text + "\n", encoding="utf-8")


def load(path: Path = LATEST) -> Results:
    """Read results."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return Results(
        data["machine"],
        {name: Way(**way) for name, way in data["ways"].items()},
        [_cell(cell) for cell in data["cells"]],
    )


def _cell(data: dict[str, Any]) -> Cell:
    ways = {
        name: Figure(Spread(**way["microseconds"]), Spread(**way["times_ours"]), way["rounds"])
        for name, way in data["ways"].items()
    }
    facts = {name: Spread(**fact) for name, fact in data["facts"].items()}
    return Cell(data["workload"], data["case"], data["qubits"], ways, facts)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
