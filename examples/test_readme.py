# SPDX-License-Identifier: Apache-2.0
"""What README.md of the examples shows is run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "examples" / "README.md").read_text()


def test_the_first_command_ends_with_an_energy_beside_the_exact_one(tmp_path):
    command = re.search(r"^qruntime (run .*)$", README, re.MULTILINE).group(1).split()
    output = tmp_path / "result.json"
    done = subprocess.run(
        [sys.executable, "-m", "qruntime.cli", *command, "--output", output],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(output.read_text())
    assert result["exact_energy"] == pytest.approx(-1.137306, abs=2e-6)
    # Chemical accuracy for the state, and 5 of the stated errors for the shots.
    assert abs(result["error"]) < 0.0016 + 5 * result["standard_error"]


def test_the_python_example_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(code, {})

    assert "exact_energy" in capsys.readouterr().out
