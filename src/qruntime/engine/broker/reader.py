# SPDX-License-Identifier: Apache-2.0
"""Reads requests of strangers in a process of bounded memory first: ``python -m`` is that process.

Qiskit's reader of circuits allocates what a forged header claims. Reading is deterministic, so what
a small process without credentials could read, the broker can read as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from typing import IO

from qruntime.agent import tree
from qruntime.agent.limits import MIB, in_mib
from qruntime.agent.zygotes import Kind, clean_environment
from qruntime.backends.brokered import Request, read_request
from qruntime.errors import ExecutionError, QRuntimeError, UndecodableError

_LENGTH = struct.Struct("!Q")
_START_SECONDS = 120.0
_LONGEST_REPLY = 1 << 16
_MORE_SECONDS = 5.0


class Reader:
    """Reads requests, one after another, each in another process before it is read in this one."""

    def __init__(self, *, memory_bytes: int = 1024 * MIB, seconds: float = 30.0) -> None:
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the other process, so that the first request need not wait for it.

        Raises:
            ExecutionError: it does not start.
        """
        with self._turn:
            if self._process is None:
                self._start()

    def read(self, text: str) -> Request:
        """Return the request of a text.

        Raises:
            InvalidInputError: it is not a request, or takes too much memory or time to read.
            ExecutionError: the other process does not start.
        """
        with self._turn:
            try:
                refused = self._ask(text.encode())
            except (OSError, EOFError) as error:
                self._kill()
                raise UndecodableError(
                    "the circuits cannot be read within "
                    f"{in_mib(self._memory_bytes)} and {self._seconds:g} s"
                ) from error
        if refused:
            raise UndecodableError(refused)
        return read_request(text)

    def close(self) -> None:
        """End the other process."""
        with self._turn:
            self._kill()

    def _ask(self, data: bytes) -> str:
        """Return why the other process refuses the text; empty if it does not."""
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
        assert process.stdin is not None
        process.stdin.write(_LENGTH.pack(len(data)) + data)
        process.stdin.flush()
        return str(json.loads(_line(process, self._seconds)))

    def _start(self) -> subprocess.Popen[bytes]:
        self._kill()
        self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
            [sys.executable, "-P", "-m", __name__, str(self._memory_bytes), str(self._seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=clean_environment(Kind(threads=1), {}),
            start_new_session=True,
        )
        try:
            _line(self._process, _START_SECONDS)
        except (OSError, EOFError) as error:
            self._kill()
            raise ExecutionError("the process that reads circuits does not start") from error
        return self._process

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    assert process.stdout is not None
    source = process.stdout.fileno()
    waiting = select.poll()
    waiting.register(source, select.POLLIN)
    deadline = time.monotonic() + seconds
    parts = bytearray()
    while not parts.endswith(b"\n"):
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        part = os.read(source, _LONGEST_REPLY)
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def serve(memory_bytes: int, seconds: float) -> None:
    """Be the other process: read what comes, and say whether it could be read."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _load_types()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = tree.data_bytes() + memory_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    _reply(replies, "")
    while header := sys.stdin.buffer.read(_LENGTH.size):
        data = sys.stdin.buffer.read(_LENGTH.unpack(header)[0])
        signal.setitimer(signal.ITIMER_REAL, seconds + _MORE_SECONDS)
        _reply(replies, _refusal(data))
        signal.setitimer(signal.ITIMER_REAL, 0)


def _load_types() -> None:
    """Load what reading needs, so that it does not count against the limit."""
    with contextlib.suppress(QRuntimeError):
        read_request('{"__type__": "QuantumCircuit", "__value__": ""}')


def _refusal(data: bytes) -> str:
    try:
        read_request(data.decode())
    except QRuntimeError as error:
        return error.message
    except Exception as error:  # noqa: BLE001  a hostile text may provoke anything
        return f"the circuits cannot be read: {type(error).__name__}"
    return ""


def _reply(replies: IO[bytes], text: str) -> None:
    replies.write(json.dumps(text[:1000]).encode() + b"\n")
    replies.flush()


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]))
