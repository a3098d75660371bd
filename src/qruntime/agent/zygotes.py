# SPDX-License-Identifier: Apache-2.0
"""The warm processes of an agent, as the agent sees them: one for each environment."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from qruntime.agent import tree
from qruntime.agent.order import Order, send_order
from qruntime.agent.reactor import READ, Reactor

_logger = logging.getLogger(__name__)

PRELOAD = (
    "stim",
    "qruntime.execution.kernels",
    "qiskit_ibm_runtime.fake_provider",
    "qiskit_algorithms",
)
_PASSED_ON = (
    "HOME",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "NUMBA_CACHE_DIR",
    "PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
)
_THREADS = (
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_MAX_FAILURES = 1
_MAX_WARM = 3
_END_SECONDS = 5.0


def clean_environment(threads: int, more: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a program sees: none of the agent's own but what is harmless."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **kept,
        **dict.fromkeys(_THREADS, str(threads)),
        "OPENBLAS_NUM_THREADS": "1",  # it would start its threads when it is imported
        "OMP_WAIT_POLICY": "passive",
        "QISKIT_IN_PARALLEL": "TRUE",
        **more,
    }


class Zygote:
    """A process that turns orders into workers. ``cold`` ones serve one order, without warmth."""

    def __init__(
        self,
        *,
        python: str = sys.executable,
        env: Mapping[str, str],
        preload: Sequence[str] = (),
        cold: bool = False,
    ) -> None:
        kind = socket.SOCK_STREAM if cold else socket.SOCK_SEQPACKET
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, kind)
        self.status, status = os.pipe()
        os.set_blocking(self.status, False)
        numbers = [str(theirs.fileno()), str(status)]
        way = "cold" if cold else "warm"
        self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
            [python, "-P", "-m", "qruntime.agent.zygote", *numbers, way, *preload],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), status),
            start_new_session=True,
            env=dict(env),
        )
        theirs.close()
        os.close(status)
        self._orders.setblocking(False)
        self.ready = False

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def start(self, order: Order, descriptors: Sequence[int]) -> None:
        """Give an order; it is taken up when the process is ready.

        Raises:
            BlockingIOError: hundreds of orders wait already.
            OSError: the process is gone.
        """
        send_order(self._orders, order, descriptors)

    def retire(self) -> None:
        """Give no more orders: the process ends when its workers have."""
        self._orders.close()

    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """See the process to its end; its workers have ended."""
        self._orders.close()
        if not self.ready:
            self._process.kill()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self.status)


class Zygotes:
    """Keeps a warm process for each environment, and replaces those that end.

    The first process of an environment imports what every job needs; after ``preload_after``
    orders one that has imported ``preload`` too takes its place. Where forks are not safe, or a
    warm process does not last, each order gets a cold process. Used from the reactor's thread.
    """

    def __init__(
        self,
        reactor: Reactor,
        env: Mapping[str, str],
        *,
        preload: Sequence[str],
        preload_after: int,
        cold: bool,
    ) -> None:
        self._reactor = reactor
        self._env = env
        self._preload = preload
        self._preload_after = preload_after
        self.cold = cold or not tree.LINUX  # macOS: its frameworks do not survive a fork
        self._current: dict[int, Zygote] = {}
        self._coming: dict[int, Zygote] = {}
        self._retired: list[Zygote] = []
        self._orders = 0
        self._failures: Counter[int] = Counter()

    def get(self, threads: int) -> Zygote:
        """Return the process that turns the next order into a worker of so many threads."""
        self._retired = [zygote for zygote in self._retired if not self._cleared(zygote)]
        if self.cold:
            zygote = Zygote(env=clean_environment(threads, self._env), cold=True)
            self._retired.append(zygote)
            return zygote
        known = self._current.get(threads)
        if known is not None and known.gone():
            self._drop(threads, known)
            return self.get(threads)
        if known is None:
            warm = self._preload_after <= self._orders
            self._current[threads] = self._make(threads, warm=warm)
            if len(self._current) > _MAX_WARM:
                self._retire(self._current.pop(next(iter(self._current))))
        return self._current[threads]

    def count(self, threads: int) -> None:
        """Note that an order was given."""
        self._orders += 1
        if not self.cold and self._orders == self._preload_after and self._preload:
            self._coming[threads] = self._make(threads, warm=True)

    def pids(self) -> list[int]:
        """Return the processes that orders go to."""
        return [zygote.pid for zygote in self._current.values()]

    def close(self) -> None:
        """End all processes; their workers have ended."""
        for zygote in [*self._current.values(), *self._coming.values(), *self._retired]:
            self._reactor.watch(zygote.status, 0, lambda _events: None)
            zygote.close()
        self._current, self._coming, self._retired = {}, {}, []

    def abandon(self) -> list[int]:
        """Return the descriptors that a fork of this process must close, for ends to be seen."""
        every = [*self._current.values(), *self._coming.values()]
        return [zygote._orders.fileno() for zygote in every]

    def _make(self, threads: int, *, warm: bool) -> Zygote:
        zygote = Zygote(
            env=clean_environment(threads, self._env), preload=self._preload if warm else ()
        )
        self._reactor.watch(zygote.status, READ, lambda _events: self._hear(threads, zygote))
        return zygote

    def _hear(self, threads: int, zygote: Zygote) -> None:
        """Take a process into service when it is ready; drop it when it has ended."""
        text = os.read(zygote.status, 4096)
        if b'"ready"' in text:
            zygote.ready = True
            self._failures[threads] = 0
            if self._coming.get(threads) is zygote:
                del self._coming[threads]
                if threads in self._current:
                    self._retire(self._current[threads])
                self._current[threads] = zygote
        for line in text.splitlines():
            number = json.loads(line).get("threads")
            if number is not None:
                self._give_up_preload(number)
        if not text:
            self._drop(threads, zygote)

    def _give_up_preload(self, number: int) -> None:
        _logger.warning("a warm process had %d threads before a fork: it is replaced", number)
        self._preload = ()

    def _drop(self, threads: int, zygote: Zygote) -> None:
        """Forget a process that has ended; the next order makes another."""
        self._reactor.watch(zygote.status, 0, lambda _events: None)
        if self._coming.get(threads) is zygote:
            self._preload = ()
        elif not zygote.ready:
            self._failures[threads] += 1
        if self._failures[threads] > _MAX_FAILURES and not self.cold:
            _logger.warning("warm processes do not last here: each job gets a cold one")
            self.cold = True
        for place in (self._current, self._coming):
            if place.get(threads) is zygote:
                del place[threads]
                self._retire(zygote)

    def _retire(self, zygote: Zygote) -> None:
        zygote.retire()
        self._retired.append(zygote)

    def _cleared(self, zygote: Zygote) -> bool:
        """Whether a retired process has ended; what was kept of it is let go of."""
        if not zygote.gone():
            return False
        self._reactor.watch(zygote.status, 0, lambda _events: None)
        zygote.close()
        return True
