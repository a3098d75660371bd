# SPDX-License-Identifier: Apache-2.0
"""``Environments``: locks what programs declare, and installs each lock once, in a folder."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qruntime.core.programs import ProgramSource
from qruntime.environments.installed import beyond, describe, runs_on
from qruntime.environments.uv import Runs
from qruntime.errors import EnvironmentFailedError, InvalidProgramError, TooManyRequestsError
from qruntime.program.dependencies import check_python, dependencies_of

_RESOLVE_SECONDS = 120.0
_BUILD_SECONDS = 900.0
_START_SECONDS = 120.0
_TURN_SECONDS = 0.05
_MOST_RESOLVING = 2
_WAIT_SECONDS = 10.0
_MOST_LOCK_BYTES = 2_000_000
_NO_SOLUTION = 1
_WHEELS = ("--only-binary", ":all:")
_PYTHON_LINE = "# python "
_OURS = "qruntime-server.pth"
_TRIED = "import qiskit, qruntime.agent.zygote, qruntime.worker.runner"
_PASSED_ON = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "NUMBA_CACHE_DIR",
    "PATH",
    "PYTHONHOME",
    "TMPDIR",
)


def own_folder() -> Path:
    """Return where the environments of a runtime in the user's own process are kept."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "qruntime" / "environments"


class Environments:
    """Environments in a folder, one for each lock, for as long as the folder is there.

    An environment has packages of its own and sees those of this interpreter behind them: a program
    gets the qruntime and the Qiskit that run it. Safe to use from threads, and from several
    processes on one folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._runs = Runs(self._folder)
        self._resolving = threading.BoundedSemaphore(_MOST_RESOLVING)
        self._paths: list[str] | None = None

    def resolve(self, source: ProgramSource) -> str:
        """Return the lock of what a program declares: exact versions with hashes, wheels alone.

        It is empty if the program declares nothing, or nothing that workers do not have anyway.

        Raises:
            InvalidProgramError: the block is broken, asks for another Python, or cannot be
                satisfied; the message has the reason that uv gives.
            EnvironmentFailedError: the index cannot be asked.
            MissingDependencyError: there is no uv.
            TooManyRequestsError: others are being resolved.
        """
        declared = dependencies_of(source)
        if declared is None:
            return ""
        check_python(declared, source.entry_point)
        needed = beyond(declared.requirements, runs_on(), source.entry_point)
        if not needed:
            return ""
        self._make_folder()
        if not self._resolving.acquire(timeout=_WAIT_SECONDS):
            raise TooManyRequestsError(
                "the dependencies of other programs are being resolved: try again",
                retry_after=_WAIT_SECONDS,
            )
        try:
            with tempfile.TemporaryDirectory(prefix="qruntime-") as scratch:
                return self._lock(needed, Path(scratch), source.entry_point)
        finally:
            self._resolving.release()

    def python(self, lock: str) -> str:
        """Return the interpreter of a lock's environment, which is built if it is not there.

        Raises:
            EnvironmentFailedError: it cannot be built; the message has the reason.
            MissingDependencyError: there is no uv.
        """
        here = _PYTHON_LINE + _python_version()
        locked = lock.partition("\n")[0]
        if locked != here:
            raise EnvironmentFailedError(
                f"the program's dependencies were resolved for Python "
                f"{locked.removeprefix(_PYTHON_LINE)}, and this is {_python_version()}: upload the "
                "program again"
            )
        self._make_folder()
        place = self._folder / self._key(lock)
        python = place / "bin" / "python"
        if not place.is_dir():
            with self._turn(place.name):
                if not place.is_dir():
                    self._build(lock, place)
        return str(python)

    def close(self) -> None:
        """End what is being resolved or built, and build nothing more."""
        self._runs.close()

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise _failed(f"the folder '{self._folder}' cannot be made: {error}") from error

    def _lock(self, needed: list[str], scratch: Path, path: str) -> str:
        wanted, held, lock = (scratch / name for name in ("wanted.in", "held.txt", "lock.txt"))
        describe(scratch)
        wanted.write_text("\n".join(needed) + "\n")
        held.write_text("".join(f"{name}=={version}\n" for name, version in runs_on().items()))
        hidden = [part for name in runs_on() for part in ("--no-emit-package", name)]
        arguments = ["pip", "compile", str(wanted), "--output-file", str(lock), *hidden, *_WHEELS]
        arguments += ["--python", sys.executable, "--constraints", str(held)]
        arguments += ["--generate-hashes", "--no-header", "--no-annotate"]
        ran = self._runs.uv(arguments, seconds=_RESOLVE_SECONDS, wheels=scratch)
        if ran.status == _NO_SOLUTION:
            raise InvalidProgramError(f"the dependencies of {path} cannot be had:\n{ran.said}")
        if ran.status:
            raise _failed(f"the dependencies of {path} could not be resolved:\n{ran.said}")
        lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
        text = "\n".join(lines).strip()
        if len(text) > _MOST_LOCK_BYTES:
            raise InvalidProgramError(f"{path} declares more packages than can be kept track of")
        return f"{_PYTHON_LINE}{_python_version()}\n{text}\n" if text else ""

    def _key(self, lock: str) -> str:
        """Return the name of a lock's environment with this interpreter."""
        held = json.dumps([lock, sys.version, self._visible()])
        return hashlib.sha256(held.encode()).hexdigest()[:32]

    def _visible(self) -> list[str]:
        """Return where this interpreter finds modules, as one of its workers does."""
        if self._paths is None:
            import subprocess

            code = "import json, sys; print(json.dumps(sys.path))"
            done = subprocess.run(  # noqa: S603  our own interpreter, no shell
                [sys.executable, "-P", "-c", code],
                cwd=self._folder,
                capture_output=True,
                check=True,
                timeout=_START_SECONDS,
            )
            self._paths = [path for path in json.loads(done.stdout) if path]
        return self._paths

    @contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        """Keep other builders of an environment waiting, in this process and in others."""
        descriptor = os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _take(descriptor):
                if self._runs.closed.wait(_TURN_SECONDS):
                    raise _failed("the runtime was closed while packages were installed")
            yield
        finally:
            os.close(descriptor)

    def _build(self, lock: str, place: Path) -> None:
        """Build beside the place and move there what is whole."""
        for left in self._folder.glob(f".{place.name}-*"):  # by a builder that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            building = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=self._folder))
            building.chmod(0o755)
            try:
                self._fill(lock, building)
                building.rename(place)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
        except OSError as error:
            raise _failed(f"the environment could not be written: {error}") from error

    def _fill(self, lock: str, building: Path) -> None:
        python = building / "bin" / "python"
        self._uv("venv", "--python", sys.executable, "--relocatable", str(building))
        text = building / "requirements.txt"
        text.write_text(lock)
        self._uv(
            *("pip", "sync", str(text), "--python", str(python), "--require-hashes", *_WHEELS),
            *("--link-mode", "copy"),  # what is shared with uv's cache could be changed through it
        )
        (packages,) = building.glob("lib/python*/site-packages")
        self._compile(packages)
        (packages / _OURS).write_text("".join(f"{path}\n" for path in self._visible()))
        command = [str(python), "-P", "-c", _TRIED]
        tried = self._runs.run(command, _clean(), seconds=_START_SECONDS)
        if tried.status:
            raise _failed(
                "the runtime does not start beside the packages that the program declares:\n"
                + tried.said
            )
        _make_read_only(building)

    def _compile(self, packages: Path) -> None:
        """Write the byte code, which is not possible later; of a file that is broken there is none.

        With ``-S`` no ``.pth`` file of the packages is executed, as it would be by uv's own way.
        """
        command = [sys.executable, "-I", "-S", "-m", "compileall", "-q", "-j", "0", str(packages)]
        self._runs.run(command, _clean(), seconds=_BUILD_SECONDS)

    def _uv(self, *arguments: str) -> None:
        ran = self._runs.uv(arguments, seconds=_BUILD_SECONDS)
        if ran.status:
            raise _failed(f"the packages of the program could not be installed:\n{ran.said}")


def _failed(message: str) -> EnvironmentFailedError:
    return EnvironmentFailedError(message)


def _clean() -> dict[str, str]:
    """Return the variables for what may execute code of packages: no secrets of the server."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def _python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_read_only(folder: Path) -> None:
    """Take the right to write from everything in a folder; the folder itself is still moved."""
    writing = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(root) / name
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~writing)
