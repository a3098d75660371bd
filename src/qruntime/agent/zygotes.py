# SPDX-License-Identifier: Apache-2.0
"""The warm processes of an agent, as the agent sees them: one for each kind of worker."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
_OF_OUR_PYTHON = {"PYTHONPATH", "VIRTUAL_ENV"}
_THREADS = (
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_MAX_FAILURES = 1
_MAX_WARM = 3
_MAX_OF_PROGRAMS = 4
_END_SECONDS = 5.0


def clean_environment(kind: Kind, more: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a program sees: none of the agent's own but what is harmless.

    An environment names our own modules after its own; the agent's variables would reverse that.
    """
    names = _PASSED_ON if kind.ours else set(_PASSED_ON) - _OF_OUR_PYTHON
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {
        **kept,
        **dict.fromkeys(_THREADS, str(kind.threads)),
        "OPENBLAS_NUM_THREADS": "1",  # it would start its threads when it is imported
        "OMP_WAIT_POLICY": "passive",
        "QISKIT_IN_PARALLEL": "TRUE",
        **more,
    }


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of worker: its threads, and the interpreter of its program's environment or ours."""

    threads: int
    python: str = sys.executable

    @property
    def ours(self) -> bool:
        """Whether it is without an environment of its own."""
        return self.python == sys.executable


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
    """Keeps a warm process for each kind of worker, and replaces those that end.

    The first process of a kind imports what every job needs; after ``preload_after`` orders one
    that has imported ``preload`` too takes its place. Of many kinds those that were used last are
    kept. Where forks are not safe, or a warm process does not last, each order gets a cold process.
    Used from the reactor's thread.
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
        self._current: dict[Kind, Zygote] = {}  # the one used last is the last
        self._coming: dict[Kind, Zygote] = {}
        self._retired: list[Zygote] = []
        self._orders = 0
        self._failures: Counter[Kind] = Counter()
        self._cold_kinds: set[Kind] = set()

    def get(self, kind: Kind) -> Zygote:
        """Return the process that turns the next order into a worker of a kind."""
        self._retired = [zygote for zygote in self._retired if not self._cleared(zygote)]
        if self.cold or kind in self._cold_kinds:
            env = clean_environment(kind, self._env)
            zygote = Zygote(python=kind.python, env=env, cold=True)
            self._retired.append(zygote)
            return zygote
        known = self._current.get(kind)
        if known is not None and known.gone():
            self._drop(kind, known)
            return self.get(kind)
        if known is None:
            known = self._make(kind, warm=self._preload_after <= self._orders)
        self._current.pop(kind, None)
        self._current[kind] = known
        self._keep_few(like=kind)
        return known

    def _keep_few(self, *, like: Kind) -> None:
        """Retire the process of a kind like this that was not used for the longest, if too many."""
        alike = [kind for kind in self._current if kind.ours == like.ours]
        if len(alike) > (_MAX_WARM if like.ours else _MAX_OF_PROGRAMS):
            self._retire(self._current.pop(alike[0]))

    def count(self, kind: Kind) -> None:
        """Note that an order was given."""
        self._orders += 1
        if not self.cold and self._orders == self._preload_after and self._preload:
            self._coming[kind] = self._make(kind, warm=True)

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

    def _make(self, kind: Kind, *, warm: bool) -> Zygote:
        zygote = Zygote(
            python=kind.python,
            env=clean_environment(kind, self._env),
            preload=self._preload if warm else (),
        )
        self._reactor.watch(zygote.status, READ, lambda _events: self._hear(kind, zygote))
        return zygote

    def _hear(self, kind: Kind, zygote: Zygote) -> None:
        """Take a process into service when it is ready; drop it when it has ended."""
        text = os.read(zygote.status, 4096)
        if b'"ready"' in text:
            zygote.ready = True
            self._failures[kind] = 0
            if self._coming.get(kind) is zygote:
                del self._coming[kind]
                if kind in self._current:
                    self._retire(self._current[kind])
                self._current[kind] = zygote
        for line in text.splitlines():
            number = json.loads(line).get("threads")
            if number is not None:
                self._give_up_preload(number)
        if not text:
            self._drop(kind, zygote)

    def _give_up_preload(self, number: int) -> None:
        _logger.warning("a warm process had %d threads before a fork: it is replaced", number)
        self._preload = ()

    def _drop(self, kind: Kind, zygote: Zygote) -> None:
        """Forget a process that has ended; the next order makes another."""
        self._reactor.watch(zygote.status, 0, lambda _events: None)
        if self._coming.get(kind) is zygote:
            self._preload = ()
        elif not zygote.ready:
            self._failures[kind] += 1
        if self._failures[kind] > _MAX_FAILURES and not self.cold:
            _logger.warning("warm processes of %s do not last: each job gets a cold one", kind)
            self.cold = kind.ours
            self._cold_kinds.add(kind)
        for place in (self._current, self._coming):
            if place.get(kind) is zygote:
                del place[kind]
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
