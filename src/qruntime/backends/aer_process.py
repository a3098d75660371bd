# SPDX-License-Identifier: Apache-2.0
"""Simulations that can be stopped: they run in a child process, which a time-out kills.

Aer holds the interpreter's lock for the whole of a simulation and looks at no flag, so nothing
inside the process can stop it. A child is started by the first timed run and kept warm; runs at the
same time in several threads have a child each. Both ends are this module, so what passes between
them is pickled; nothing of it comes from anywhere else.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO, Any

from qiskit.result import Result

from qruntime.backends.aer_runs import Plan, run
from qruntime.backends.circuits import Work
from qruntime.errors import (
    ExecutionError,
    ExecutionTimeoutError,
    InvalidInputError,
    QRuntimeError,
)
from qruntime.execution.program import warm

_LENGTH = struct.Struct("!Q")
_START_SECONDS = 120.0
_PREPARE_SECONDS = 600.0
_PREPARE = "prepare"
_ORPHAN_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 3600.0


def run_with_timeout(works: Sequence[Work], plan: Plan, timeout: float) -> Result:
    """Run circuits as ``aer_runs.run`` does, in a child process, for at most ``timeout`` seconds.

    What the child loads, or compiles once on a machine, before it can begin does not count.

    Raises:
        ExecutionTimeoutError: it took longer; the computation was killed, later runs are not
            affected.
        ExecutionError: the simulation failed, or its process died.
        InvalidInputError: the circuits hold something that cannot be sent to another process.
    """
    request = _packed((list(works), plan, timeout))
    child = _take()
    try:
        if plan.may_need_kernel:
            child.prepare()
        answer = child.ask(request, timeout)
    except BaseException:
        child.kill()
        raise
    _give_back(child)
    if isinstance(answer, BaseException):
        raise answer
    result: Result = answer
    return result


class _Child:
    """The process, and the two pipes to it."""

    def __init__(self) -> None:
        start = f"import sys; sys.path[:] = {sys.path!r}; import {__name__} as own; own.serve()"
        self._prepared = False
        self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
            [sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            self._receive(_START_SECONDS)
        except BaseException as error:
            self.kill()
            if isinstance(error, TimeoutError):
                raise ExecutionError("the simulator's process did not start") from error
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def prepare(self) -> None:
        """Have the kernels loaded, or compiled; the first time on a machine takes long."""
        if self._prepared:
            return
        try:
            answer = self._exchange(_packed(_PREPARE), _PREPARE_SECONDS)
        except TimeoutError as error:
            raise ExecutionError("the compiled statevector could not be loaded in time") from error
        if isinstance(answer, BaseException):
            raise answer
        self._prepared = True

    def ask(self, request: bytes, timeout: float) -> Any:
        """Send a request and return the answer."""
        try:
            return self._exchange(request, timeout)
        except TimeoutError as error:
            raise ExecutionTimeoutError(
                f"the circuits did not finish within the timeout of {timeout:g} s; the "
                "computation was stopped"
            ) from error

    def _exchange(self, request: bytes, timeout: float) -> Any:
        assert self._process.stdin is not None
        try:
            _write(self._process.stdin, request)
            return self._receive(timeout)
        except TimeoutError:
            raise
        except (OSError, EOFError) as error:
            self.kill()
            code = self._process.returncode
            raise ExecutionError(
                f"the simulator's process died with exit status {code}; -9 often means that the "
                "machine ran out of memory"
            ) from error

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _receive(self, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        return pickle.loads(self._read(length, deadline))  # noqa: S301  written by our own child

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        source = self._process.stdout.fileno()
        waiting = select.poll()
        waiting.register(source, select.POLLIN)
        parts = bytearray()
        while len(parts) < size:
            left = min(max(0.0, deadline - time.monotonic()), _LONGEST_WAIT_SECONDS)
            if not waiting.poll(left * 1000):
                if time.monotonic() < deadline:
                    continue
                raise TimeoutError
            part = os.read(source, min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


_lock = threading.Lock()
_idle: list[_Child] = []


def _take() -> _Child:
    """Return a child that nobody else uses: a warm one, else a new one."""
    with _lock:
        while _idle:
            child = _idle.pop()
            if child.alive():
                return child
            child.kill()
    return _Child()


def _give_back(child: _Child) -> None:
    """Keep the child for the next run; one is enough."""
    with _lock:
        if not _idle:
            _idle.append(child)
            return
    child.kill()


def _close() -> None:
    with _lock:
        while _idle:
            _idle.pop().kill()


def _forget_children() -> None:
    """After a fork: the children and their pipes are the parent's."""
    global _lock  # noqa: PLW0603  another thread of the parent may have held it
    _lock = threading.Lock()
    _idle.clear()


atexit.register(_close)
os.register_at_fork(after_in_child=_forget_children)


def _packed(message: Any) -> bytes:
    try:
        return pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # a foreign object in a circuit may raise anything here
        raise _not_sendable(error) from error


def _not_sendable(error: Exception) -> InvalidInputError:
    return InvalidInputError(
        "timeout= simulates in another process, and something in these circuits or options cannot "
        f"be sent there: {type(error).__name__}: {error}"
    )


def _write(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def serve() -> None:
    """Be the child: answer requests until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    import qiskit_aer  # noqa: F401  loaded before "ready", so that no run pays for it

    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _write(answers, _packed("ready"))
    while header := requests.read(_LENGTH.size):
        (length,) = _LENGTH.unpack(header)
        _write(answers, _packed(_answer(requests.read(length))))


def _answer(request: bytes) -> Result | str | Exception:
    try:
        asked = pickle.loads(request)  # noqa: S301  written by our parent
    except Exception as error:  # noqa: BLE001  the parent raises it; dying would lose the reason
        return _not_sendable(error)
    if asked == _PREPARE:
        return _prepared()
    works, plan, timeout = asked
    alarm = timeout + _ORPHAN_SECONDS
    # A parent that was killed cannot kill: the alarm ends even a computation that holds the lock.
    signal.setitimer(signal.ITIMER_REAL, alarm if alarm < 1e8 else 0)
    try:
        return run(works, plan)
    except QRuntimeError as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _prepared() -> str | Exception:
    """Load the kernels. A parent that is killed meanwhile closes the pipe, which ends the child."""
    try:
        warm()
    except QRuntimeError as error:
        return error
    return _PREPARE
