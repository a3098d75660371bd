# SPDX-License-Identifier: Apache-2.0
"""The warm process: it has imported all that a worker needs, runs nothing, and forks.

Started as ``python -m qruntime.agent.zygote``. Importing leaves one thread; running circuits or the
transpiler does not, and a fork of a process with threads deadlocks. So the threads are counted
before every fork: a process with more than one ends, and the agent starts another.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from qruntime.agent import tree
from qruntime.agent.supervisor import TAKER, supervise
from qruntime.agent.worker import prepared_registry, work, work_after_rehearsal

ALWAYS = (
    "qiskit.circuit.library",
    "qiskit.primitives",
    "qiskit.qpy",
    "qiskit_aer",
    "qruntime.worker.runner",
    "qruntime.backends.registry",
    "qruntime.execution.native",
    "qruntime.execution.template",
    "qruntime.execution.tiers",
)
TAINTED = 3
_WAITING = 2
"""While one takes an order another one is ready, which has had the time to rehearse."""


def main() -> None:
    """Take ``ORDERS STATUS cold|warm MODULE...`` from the command line and serve."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    status, way, preload = int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    os.set_inheritable(orders.fileno(), False)
    os.set_inheritable(status, False)
    if way == "cold":
        os.close(status)
        supervise(orders, None, work)
    gc.disable()
    import_all([*ALWAYS, *preload])
    _make_what_jobs_make()
    gc.collect()
    gc.freeze()
    _Zygote(orders, status).serve()


def import_all(names: list[str]) -> None:
    """Import modules; those that are not installed or do not work are left to the programs."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _make_what_jobs_make() -> None:
    """Make the default backend and its pass managers of level 1: later ones are quick.

    Building one of level 2 starts threads.
    """
    from qruntime.errors import QRuntimeError

    with contextlib.suppress(QRuntimeError):
        from qruntime.execution.transpilation import shared_cache

        backend = prepared_registry().create("aer_simulator")
        shared_cache().generate_preset_pass_manager(optimization_level=1, backend=backend)


class _Zygote:
    """Keeps supervisors with their workers waiting for orders; forks another when one has come."""

    def __init__(self, orders: socket.socket, status: int) -> None:
        self._orders = orders
        self._status = status
        self._taken, self._taker = os.pipe()
        self._wake, self._waker = os.pipe()
        for descriptor in (self._taken, self._wake, self._waker):
            os.set_blocking(descriptor, False)
        self._waiting: set[int] = set()
        self._supervisors: set[int] = set()

    def serve(self) -> NoReturn:
        """Fork supervisors until the agent closes its end; then wait for those that still work."""
        tree.adopt_orphans()
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._fork()
        self._tell({"ready": os.getpid()})
        self._fork_more()
        poll = select.poll()
        for descriptor in (self._taken, self._wake):
            poll.register(descriptor, select.POLLIN)
        poll.register(self._orders, 0)
        open_ = True
        while open_ or self._supervisors:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wake in ready:
                os.read(self._wake, 4096)
            if self._taken in ready:
                pids = os.read(self._taken, 4096)
                self._waiting.difference_update(pid for (pid,) in TAKER.iter_unpack(pids))
            if open_ and self._orders.fileno() in ready:
                open_ = False
                poll.unregister(self._orders)
            self._reap()
            if open_:
                self._fork_more()
        os._exit(0)

    def _tell(self, held: dict[str, object]) -> None:
        with contextlib.suppress(OSError):
            os.write(self._status, json.dumps(held).encode() + b"\n")

    def _fork_more(self) -> None:
        while len(self._waiting) < _WAITING:
            self._fork()

    def _fork(self) -> None:
        number = tree.threads()
        if number != 1:
            self._tell({"threads": number})
            os._exit(TAINTED)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for descriptor in (self._status, self._taken, self._wake, self._waker):
                os.close(descriptor)
            supervise(self._orders, self._taker, work_after_rehearsal)
        self._waiting.add(pid)
        self._supervisors.add(pid)

    def _reap(self) -> None:
        """Note which supervisors have ended; kill what one that was killed has left behind."""
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._supervisors.discard(pid)
                self._waiting.discard(pid)
        strangers = set(tree.children(os.getpid())) - self._supervisors
        for pid in strangers:
            tree.kill_descendants(pid)
        tree.send(strangers, signal.SIGKILL)


if __name__ == "__main__":
    main()
