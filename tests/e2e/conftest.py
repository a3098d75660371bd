# SPDX-License-Identifier: Apache-2.0
"""A real server: `qruntime serve` in a process of its own, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from qruntime import RuntimeService

COMMAND = (sys.executable, "-m", "qruntime.cli")
START_SECONDS = 60


@dataclass
class RunningServer:
    """``url`` and the administrator's ``key``; ``service()`` is a client."""

    process: subprocess.Popen[str]
    url: str
    key: str
    data_dir: Path

    def service(self) -> RuntimeService:
        return RuntimeService(self.url, self.key)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "QRUNTIME_URL": self.url, "QRUNTIME_TOKEN": self.key}

    def kill(self) -> None:
        """End it as a power cut would, as far as the process goes."""
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()


def start(data_dir: Path, *options: str, key: str = "") -> RunningServer:
    with (data_dir.parent / "server.log").open("a") as log:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--data-dir", str(data_dir), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    assert process.stdout is not None
    told = ""
    for line in process.stdout:
        told += line
        if found := re.search(r"serves (\S+)", line):
            url = found.group(1)
        if key or line.startswith("admin key"):
            break
    else:
        raise AssertionError((data_dir.parent / "server.log").read_text() + told)
    return RunningServer(process, url, key or line.split()[-1], data_dir)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    started: list[RunningServer] = []

    def serve(*options: str, key: str = "") -> RunningServer:
        made = start(tmp_path / "data", *options, key=key)
        started.append(made)
        return made

    yield serve
    for made in started:
        stop(made)


def stop(made: RunningServer) -> None:
    if made.process.poll() is None:
        made.process.send_signal(signal.SIGTERM)
        try:
            made.process.wait(30)
        except subprocess.TimeoutExpired:
            made.kill()
    made.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that do not end it."""
    made = start(tmp_path_factory.mktemp("server") / "data", "--workers", "2")
    yield made
    stop(made)
