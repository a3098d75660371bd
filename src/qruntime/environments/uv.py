# SPDX-License-Identifier: Apache-2.0
"""Runs ``uv``, which resolves and installs packages, in a process that can be stopped."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qruntime.errors import EnvironmentFailedError, MissingDependencyError

_MOST_CHARACTERS = 4000
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")
_LINKS = "UV_FIND_LINKS"
_OWN_VARIABLES = "QRUNTIME_"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended: its exit status, and what it said of it, without keys of an index."""

    status: int
    said: str


def find_uv() -> str:
    """Return the path of uv: that of this environment, or one on the path.

    Raises:
        MissingDependencyError: there is none.
    """
    with contextlib.suppress(ImportError, FileNotFoundError):
        from uv import find_uv_bin

        return find_uv_bin()
    found = shutil.which("uv")
    if found is None:
        raise MissingDependencyError(
            "a program that declares dependencies needs uv: pip install 'qruntime[server]', or "
            "pip install uv"
        )
    return found


class Runs:
    """The runs of one owner. ``folder`` is where they run: no other's settings are found there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self.closed = threading.Event()

    def uv(self, arguments: Sequence[str], *, seconds: float, wheels: Path | None = None) -> Ran:
        """Run uv, with the operator's variables and settings for it.

        ``wheels`` is a folder of wheels besides the places that the operator names.

        Raises:
            EnvironmentFailedError: it took longer than ``seconds``, or this was closed.
            MissingDependencyError: there is no uv.
        """
        plain = ("--quiet", "--no-progress", "--color", "never", "--no-python-downloads")
        environment = dict(os.environ)
        if wheels is not None:  # as an option it would take the place of the operator's
            links = (environment.get(_LINKS), str(wheels))
            environment[_LINKS] = ",".join(link for link in links if link)
        return self.run([find_uv(), *arguments, *plain], environment, seconds=seconds)

    def run(self, command: Sequence[str], environment: Mapping[str, str], *, seconds: float) -> Ran:
        """Run a command.

        Raises:
            EnvironmentFailedError: it took longer than ``seconds``, or this was closed.
        """
        kept = {
            key: text for key, text in environment.items() if not key.startswith(_OWN_VARIABLES)
        }
        with tempfile.TemporaryFile() as output:
            process = self._start(command, kept, output)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired as error:
                raise EnvironmentFailedError(
                    f"the packages of the program were not there after {seconds:g} s"
                ) from error
            finally:
                self._end(process)
            if self.closed.is_set():
                raise EnvironmentFailedError("the runtime was closed while packages were installed")
            return Ran(status, _last_of(output))

    def close(self) -> None:
        """End what runs, and run nothing more."""
        with self._lock:
            self.closed.set()
            for process in self._processes:
                _kill(process)

    def _start(
        self, command: Sequence[str], environment: dict[str, str], output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self.closed.is_set():
                raise EnvironmentFailedError("the runtime is closed: it installs no packages")
            process = subprocess.Popen(  # noqa: S603  our own command, no shell
                command,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            self._processes.add(process)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            if process.poll() is None:
                _kill(process)
            self._processes.discard(process)
        process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _last_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _MOST_CHARACTERS))
    text = output.read(_MOST_CHARACTERS).decode(errors="replace")
    return _SECRET.sub("****@", text).strip()
