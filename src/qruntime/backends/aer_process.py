# SPDX-License-Identifier: Apache-2.0
"""Simulations that can be stopped: they run in a child process, which a time-out kills.

Aer holds the interpreter's lock for the whole of a simulation and looks at no flag, so nothing
inside the process can stop it. The child is started by the first timed run and kept warm. Both ends
are this module, so what passes between them is pickled; nothing of it comes from anywhere else.
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
from collections.abc import Mapping, Sequence
from typing import IO, Any

from qiskit import QuantumCircuit
from qiskit.result import Result

from qruntime.backends.aer_simulate import simulate
from qruntime.errors import ExecutionError, ExecutionTimeoutError, InvalidInputError

_LENGTH = struct.Struct("!Q")
_START_SECONDS = 120.0


def run_with_timeout(
    circuits: Sequence[QuantumCircuit], options: Mapping[str, Any], timeout: float
) -> Result:
    """Run bound circuits on Aer in the child process, for at most ``timeout`` seconds.

    Raises:
        ExecutionTimeoutError: it took longer; the computation was killed, later runs are unaffected.
        ExecutionError: the simulation failed.
    """
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
        raise InvalidInputError(f"timeout must be a number of seconds > 0, not {timeout!r}")
    with _lock:
        child = _ready_child()
        try:
            child.send((list(circuits), dict(options)))
            answer = child.receive(timeout)
        except BaseException as error:
            child.kill()
            if isinstance(error, TimeoutError):
                raise ExecutionTimeoutError(
                    f"the circuits did not finish within the timeout of {timeout:g} s; the "
                    "computation was stopped"
                ) from error
            raise
    if isinstance(answer, BaseException):
        raise answer
    result: Result = answer
    return result


class _Child:
    """The process, and the two pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
            [sys.executable, "-m", "qruntime.backends.aer_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: Any) -> None:
        assert self._process.stdin is not None
        _write(self._process.stdin, message)

    def receive(self, timeout: float) -> Any:
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        return pickle.loads(self._read(length, deadline))  # noqa: S301  written by our own child

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        parts = bytearray()
        while len(parts) < size:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                raise TimeoutError
            part = os.read(self._process.stdout.fileno(), min(size - len(parts), 1 << 20))
            if not part:
                code = self._process.wait()
                raise ExecutionError(f"the simulator's process died with exit status {code}")
            parts += part
        return bytes(parts)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


_lock = threading.Lock()
_child: _Child | None = None


def _ready_child() -> _Child:
    global _child  # noqa: PLW0603  one warm child a process
    if _child is None or not _child.alive():
        _child = _Child()
        atexit.register(_child.kill)
        _child.receive(_START_SECONDS)
    return _child


def _write(pipe: IO[bytes], message: Any) -> None:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _serve() -> None:
    """Answer requests until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import qiskit_aer  # noqa: F401  loaded before "ready", so that no run pays for it

    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _write(answers, "ready")
    while header := requests.read(_LENGTH.size):
        (length,) = _LENGTH.unpack(header)
        circuits, options = pickle.loads(requests.read(length))  # noqa: S301  written by our parent
        try:
            answer: Any = simulate(circuits, options)
        except ExecutionError as error:
            answer = error
        _write(answers, answer)


if __name__ == "__main__":
    _serve()
