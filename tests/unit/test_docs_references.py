# SPDX-License-Identifier: Apache-2.0
"""What the documentation says about the code is so: its tests exist, its examples run."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
REFERENCE = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAM_BACKEND = ROOT / "docs" / "reference" / "program-backend.md"


@cache
def names_in(path: str) -> frozenset[str]:
    file = ROOT / path
    tree = ast.parse(file.read_text()) if file.is_file() else ast.parse("")
    return frozenset(item.name for item in ast.walk(tree) if isinstance(item, ast.FunctionDef))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    named = REFERENCE.findall(page.read_text())

    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []


def test_each_row_of_the_seed_page_names_a_test() -> None:
    page = PROGRAM_BACKEND.read_text()
    rows = {
        line.split("|")[1].strip().strip("`"): line
        for line in page.splitlines()
        if line.startswith("| `")
    }

    for row in (
        "configuration",
        "name",
        "properties",
        "provider",
        "run",
        "set_options",
        "status",
        "options",
        "version",
    ):
        assert REFERENCE.search(rows[row]), row


def test_the_examples_on_the_page_run() -> None:
    blocks = PYTHON.findall(PROGRAM_BACKEND.read_text())
    names: dict[str, object] = {"__name__": "page"}

    for block in blocks:
        exec(compile(block, str(PROGRAM_BACKEND), "exec"), names)

    assert len(blocks) >= 3
    assert names["counts"].keys() <= {"00", "11"}  # type: ignore[attr-defined]
