# SPDX-License-Identifier: Apache-2.0
"""The process above one worker: it sees all that the worker starts, and ends all of it.

It waits for an order with a worker that was forked already. What the worker starts and abandons
becomes its child. It ends them when the worker ends, when it is told to, when a limit is exceeded,
and when the agent is gone, which it sees by the end of its connection.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import struct
import time
from collections.abc import Callable
from typing import NoReturn

from qruntime.agent import tree
from qruntime.agent.limits import Limits
from qruntime.agent.order import Order, receive_order, send_order

_WATCH_SECONDS = 0.05
_IDLE_SECONDS = 1.0
_KILL_SECONDS = 0.01
_PEAK_UNIT = 1024 if tree.LINUX else 1

TAKER = struct.Struct("i")
"""How a supervisor says that it is the one that has taken an order."""

Work = Callable[[socket.socket], NoReturn]


def supervise(orders: socket.socket, taken: int | None, work: Work) -> NoReturn:
    """Fork a worker, wait for an order, see the worker through to its end, and exit.

    When the order has come, the process's number is written to ``taken``.
    """
    with contextlib.suppress(PermissionError):  # it leads its session already
        os.setsid()
    tree.adopt_orphans()
    wake = _wake_up_on_child()
    ours, theirs = socket.socketpair()
    worker = os.fork()
    if worker == 0:
        tree.end_with_parent()
        for descriptor in wake:
            os.close(descriptor)
        _keep_only(theirs.fileno())
        work(theirs)
    theirs.close()
    received = receive_order(orders)
    if received is None:
        os.kill(worker, signal.SIGKILL)
        os._exit(0)
    if taken is not None:
        os.write(taken, TAKER.pack(os.getpid()))
        os.close(taken)
    orders.close()
    order, (home, *descriptors) = received
    send_order(ours, order, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    ours.close()
    _Supervisor(socket.socket(fileno=home), order, worker, wake[0]).run()
    os._exit(0)


def _wake_up_on_child() -> tuple[int, int]:
    """Return a pipe that can be read when a child has ended."""
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return wake, waker


def _keep_only(descriptor: int) -> None:
    """Close what belongs to others; the standard streams stay."""
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, max(os.sysconf("SC_OPEN_MAX"), 4096))


class _Supervisor:
    def __init__(self, home: socket.socket, order: Order, worker: int, wake: int) -> None:
        self._home = home
        self._order = order
        self._limits: Limits = order.limits
        self._worker = worker
        self._wake = wake
        self._status: int | None = None
        self._childless = False
        self._exceeded: str | None = None
        self._kill_at: float | None = None
        self._commands = b""
        self._poll = select.poll()
        self._poll.register(home, select.POLLIN)
        self._poll.register(wake, select.POLLIN)

    def run(self) -> None:
        self._tell({"started": self._worker, "supervisor": os.getpid()})
        while self._status is None and not self._kill_is_due():
            self._wait()
            self._look()
        self._kill_all()
        shutil.rmtree(self._order.scratch, ignore_errors=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._tell(
            {
                "status": self._status,
                "exceeded": self._exceeded,
                "cpu_seconds": used.ru_utime + used.ru_stime,
                "peak_bytes": used.ru_maxrss * _PEAK_UNIT,
            }
        )

    def _tell(self, held: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # the agent is gone
            self._home.sendall(json.dumps(held).encode() + b"\n")

    def _kill_is_due(self) -> bool:
        return self._kill_at is not None and time.monotonic() >= self._kill_at

    def _wait(self) -> None:
        """Wait for a child's end, a command, or the time of the next look."""
        seconds = _WATCH_SECONDS if self._limits.watched else _IDLE_SECONDS
        if self._kill_at is not None:
            seconds = min(seconds, max(self._kill_at - time.monotonic(), 0.0))
        ready = [descriptor for descriptor, _ in self._poll.poll(seconds * 1000)]
        if self._wake in ready:
            os.read(self._wake, 4096)
        if self._home.fileno() in ready:
            self._hear()
        self._reap()

    def _hear(self) -> None:
        """Take the agent's one command, to end the worker within some seconds; or see its end."""
        try:
            part = self._home.recv(4096)
        except OSError:
            part = b""
        self._commands += part
        if not part:
            self._kill_within(0.0)
        elif self._commands.endswith(b"\n"):
            grace_seconds = float(self._commands.split()[-1])
            self._commands = b""
            self._kill_within(grace_seconds)
            if grace_seconds:
                self._ask_to_end()

    def _kill_within(self, seconds: float) -> None:
        at = time.monotonic() + seconds
        self._kill_at = at if self._kill_at is None else min(at, self._kill_at)

    def _ask_to_end(self) -> None:
        tree.send(tree.descendants(os.getpid()) or [self._worker], signal.SIGTERM)

    def _reap(self) -> None:
        """Note who has ended."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._worker:
                    self._status = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            self._childless = True

    def _look(self) -> None:
        """See whether the processes keep to the limits that the system does not hold them to."""
        if self._status is not None or not self._limits.watched:
            return
        limits, pids = self._limits, tree.descendants(os.getpid())
        used = tree.use(pids)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = used.cpu_seconds + ended.ru_utime + ended.ru_stime
        if limits.processes is not None and used.processes > limits.processes:
            self._exceeded = "processes"
        elif limits.cpu_seconds is not None and seconds > limits.cpu_seconds:
            self._exceeded = "cpu_seconds"
        elif limits.memory_bytes is not None and self._memory(used, pids) > limits.memory_bytes:
            self._exceeded = "memory_bytes"
        if self._exceeded:
            self._kill_within(0.0)

    def _memory(self, used: tree.Use, pids: list[int]) -> int:
        """Return the job's memory; that of forks is looked at closely only if it could matter."""
        at_most = used.memory_bytes
        within = self._limits.memory_bytes is None or at_most <= self._limits.memory_bytes
        return at_most if within else tree.shared_fairly(pids)

    def _kill_all(self) -> None:
        """Kill until the system says that there is nobody left."""
        while True:
            self._reap()
            if self._childless:
                return
            if tree.LINUX:
                tree.kill_descendants(os.getpid())
            else:
                tree.send([self._worker], signal.SIGKILL)
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._worker, signal.SIGKILL)
            select.select([self._wake], [], [], _KILL_SECONDS)
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
