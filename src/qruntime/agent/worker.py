# SPDX-License-Identifier: Apache-2.0
"""The worker's process: it waits for an order, puts on its limits, and runs the one task."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import random
import signal
import socket
import sys
import tempfile
import threading
from collections import deque
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

from qruntime.agent.order import Order, receive_order

if TYPE_CHECKING:
    from qruntime.backends.registry import BackendRegistry
    from qruntime.worker.task import Frame

_BROKEN = 70


class Channel:
    """The worker's connection to its agent: the one way home, and what comes back on it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines: IO[bytes] = connection.makefile("rb")
        self._waiting: deque[bytes] = deque()
        self._lock = threading.RLock()
        self._sending = False
        self._owner = os.getpid()

    def send(self, frame: Frame) -> None:
        """Send a frame; a fork of the program does not speak for it."""
        if os.getpid() != self._owner:
            return
        self._waiting.append(frame.to_json().encode() + b"\n")
        with self._lock:
            if self._sending:  # in a signal's handler, amid a frame that goes first
                return
            self._sending = True
            try:
                while self._waiting:
                    self._connection.sendall(self._waiting.popleft())
            finally:
                self._sending = False

    def receive(self) -> bytes:
        """Wait for the next line from the agent; empty when the agent is gone."""
        return self._lines.readline()

    def receive_frame(self) -> Frame | None:
        """Wait for the next frame from the agent; None when the agent is gone."""
        from qruntime.worker.task import Frame

        line = self.receive()
        return Frame.from_json(line) if line else None


home: Channel | None = None
"""The channel of this process, where it is a worker."""


def work_after_rehearsal(orders: socket.socket) -> NoReturn:
    """Do what ``work`` does, in a fork of a warm process."""
    rehearse()
    work(orders)


def work(orders: socket.socket) -> NoReturn:
    """Wait for an order, run its task, and exit."""
    os.setsid()
    received = receive_order(orders)
    orders.close()
    if received is None:
        os._exit(0)
    order, (channel, output, errors) = received
    _settle(order, output, errors)
    code = _BROKEN
    try:
        _run(order, Channel(socket.socket(fileno=channel)))
        code = 0
    except BaseException:  # noqa: BLE001  the edge of the process: it is told, and the agent sees the exit
        sys.excepthook(*sys.exc_info())
    _flush()
    os._exit(code)  # what the program left running does not hold up the end


def _flush() -> None:
    """Write what has been printed, by libraries in C too, and is still in buffers."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)


def _settle(order: Order, output: int, errors: int) -> None:
    """Make of a copy of the warm process one that is the job's own."""
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.close(output)
    os.close(errors)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order.scratch)
    os.environ["TMPDIR"] = order.scratch
    tempfile.tempdir = None
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:  # or all jobs would draw the same numbers
        numpy_random.seed()
    sys.argv = ["program"]
    gc.enable()


def _run(order: Order, channel: Channel) -> None:
    global home  # noqa: PLW0603  one process has one channel
    from qruntime.worker.runner import run_task
    from qruntime.worker.task import LAST, Task

    registry = prepared_registry()
    if order.references is not None:
        _take_references(registry, order.references)
    home = channel
    task = Task.from_json(channel.receive())
    order.limits.apply()

    def send(frame: Frame) -> None:
        if frame.kind in LAST:  # nothing that comes after it is read
            _flush()
        channel.send(frame)

    run_task(task, send, create=registry.create, receive=channel.receive_frame)


def rehearse() -> None:
    """Run a program that does nothing, so that the memory it touches is this process's own by now.

    A process that was forked copies each page of memory when it first writes to it; that is most of
    the time that a small job takes.
    """
    from qruntime.core.programs import ProgramSource
    from qruntime.worker.runner import run_task
    from qruntime.worker.task import Task

    source = ProgramSource({"program.py": b"def main(backend, user_messenger): pass"}, "program.py")
    task = Task(inputs="{}", backend_name="aer_simulator", source=source)
    run_task(Task.from_json(task.to_json()), lambda _frame: None, create=prepared_registry().create)


@cache
def prepared_registry() -> BackendRegistry:
    """Return the registry of this process: the warm process reads the entry points once for all."""
    from qruntime.backends.registry import installed

    return installed()


def _take_references(registry: BackendRegistry, folder: str) -> None:
    """Let backends be named by files and modules as seen from a folder."""
    from qruntime.backends.registry import from_reference

    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    registry.resolve = lambda name: from_reference(_from(folder, name))


def _from(folder: str, reference: str) -> str:
    """Return a reference that means the same in another folder."""
    place, _, attribute = reference.rpartition(":")
    return f"{Path(folder) / place}:{attribute}" if place.endswith(".py") else reference
