# SPDX-License-Identifier: Apache-2.0
"""How uv is run."""

from __future__ import annotations

import sys
import threading

import pytest

from qruntime.environments.uv import Runs, find_uv
from qruntime.errors import EnvironmentFailedError, MissingDependencyError

SECONDS = 60.0


def python(*lines):
    return [sys.executable, "-S", "-c", "\n".join(lines)]


def test_what_a_run_said_comes_without_keys(tmp_path):
    ran = Runs(tmp_path).run(
        python("print('at https://ada:key@host/x'); raise SystemExit(3)"), {}, seconds=60
    )

    assert ran.status == 3
    assert ran.said == "at https://****@host/x"


def test_of_a_long_message_the_end_is_told(tmp_path):
    ran = Runs(tmp_path).run(python("print('x' * 10**6 + 'end')"), {}, seconds=SECONDS)

    assert len(ran.said) < 5000
    assert ran.said.endswith("end")


def test_settings_of_the_server_are_not_passed_on(tmp_path):
    code = python("import os", "print(sorted(name for name in os.environ if name[0] in 'QU'))")
    given = {"QRUNTIME_DATABASE_URL": "secret", "UV_INDEX": "x"}

    assert Runs(tmp_path).run(code, given, seconds=SECONDS).said == "['UV_INDEX']"


def test_a_run_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(EnvironmentFailedError, match=r"not there after 0\.1 s"):
        Runs(tmp_path).run(python("import signal; signal.pause()"), {}, seconds=0.1)


def test_closing_ends_what_runs_and_starts_nothing_more(tmp_path):
    runs = Runs(tmp_path)
    said = []

    def run():
        try:
            code = python("open('begun', 'w').close()", "import signal; signal.pause()")
            runs.run(code, {}, seconds=SECONDS)
        except EnvironmentFailedError as error:
            said.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    while not (tmp_path / "begun").exists():
        thread.join(0.01)
    runs.close()
    thread.join(SECONDS)

    assert said == ["the runtime was closed while packages were installed"]
    with pytest.raises(EnvironmentFailedError, match="closed"):
        runs.run(python("pass"), {}, seconds=SECONDS)


def test_without_uv_the_message_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingDependencyError, match=r"pip install 'qruntime\[server\]'"):
        find_uv()
