# SPDX-License-Identifier: Apache-2.0
"""A real ``qruntime serve`` in a process of its own, with an empty data folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qruntime import RuntimeService

PROGRAMS = Path(__file__).parents[1] / "programs"
_STOP_SECONDS = 60


@dataclass(frozen=True)
class Serving:
    """A server: ``began`` is when its process was started, ``listening`` when it said its address.

    Both are of ``time.perf_counter``. ``folder`` is for the files of a measurement.
    """

    url: str
    key: str
    folder: Path
    began: float
    listening: float

    def client(self, url: str | None = None) -> RuntimeService:
        """Return a client of the server, by its own address or another one that leads there."""
        return RuntimeService(url or self.url, self.key)


@contextmanager
def serving(*options: str) -> Iterator[Serving]:
    """Start a server on a free port of 127.0.0.1; stop it and remove its data at the end."""
    with tempfile.TemporaryDirectory(prefix="qruntime-bench-") as name:
        folder = Path(name)
        began = time.perf_counter()
        with (folder / "server.log").open("w") as log:
            process = _started(folder / "data", log, options)
        try:
            url, key = _told(process, folder / "server.log")
            yield Serving(url, key, folder, began, time.perf_counter())
        finally:
            _stop(process)


def _started(data: Path, log: object, options: tuple[str, ...]) -> subprocess.Popen[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("QRUNTIME_")}
    changed = {"PYTHONUNBUFFERED": "1", "QRUNTIME_REQUESTS_A_MINUTE": "10000000"}
    command = [sys.executable, "-m", "qruntime.cli", "serve", "--port", "0", "--data-dir"]
    return subprocess.Popen(
        [*command, str(data), *options],
        stdout=subprocess.PIPE,
        stderr=log,  # type: ignore[call-overload]
        text=True,
        env={**own, **changed},
    )


def _told(process: subprocess.Popen[str], log: Path) -> tuple[str, str]:
    assert process.stdout is not None
    url = ""
    for line in process.stdout:
        if line.startswith("qruntime serves "):
            url = line.split()[-1]
        if line.startswith("admin key: "):
            return url, line.split()[-1]
    raise SystemExit(f"the server did not start:\n{log.read_text()}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()
