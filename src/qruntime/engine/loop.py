# SPDX-License-Identifier: Apache-2.0
"""``Engine``: the threads that keep looking at the store, and beating for what they run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from qruntime.core.jobs import JobStatus
from qruntime.engine.broker.broker import Broker
from qruntime.engine.dispatch import Dispatcher, EngineSettings
from qruntime.engine.launchers import Launcher
from qruntime.engine.orders import Orders
from qruntime.engine.policy import Position
from qruntime.engine.watch import Watch, back_off
from qruntime.errors import StoreError
from qruntime.store.base import Store
from qruntime.store.bell import QUEUE

_logger = logging.getLogger(__name__)


class Engine:
    """Runs the store's queued jobs, at most ``slots`` at a time. Any number may share a store.

    ``orders`` gives the task of a job that the engine has claimed. ``clock`` is monotonic.
    ``broker`` runs circuits on the backends that need credentials; it is the caller's to close.
    """

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        orders: Orders,
        *,
        slots: int,
        settings: EngineSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        broker: Broker | None = None,
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._settings = settings or EngineSettings()
        self._clock = clock
        self._dispatcher = Dispatcher(
            store,
            launcher,
            orders,
            slots=slots,
            settings=self._settings,
            clock=clock,
            broker=broker,
        )
        self.closed = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="qruntime-engine", daemon=True)
        self._thread.start()
        threading.Thread(target=self._beat, name="qruntime-beat", daemon=True).start()

    def positions(self) -> dict[str, Position]:
        """Return where the queued jobs stand, and when they are likely to start."""
        return self._dispatcher.positions()

    def close(self, *, drain_seconds: float | None = None) -> None:
        """Claim no more, and free the launcher.

        With ``drain_seconds``, as a server that shuts down: what is queued stays queued; what runs
        may go on for so long and is then handed back. It is queued again if it has attempts left,
        and fails with the code ``server_stopped`` otherwise.

        Without, as a runtime in the user's own process, whose store ends with it: what is queued is
        cancelled, what is being stopped is seen to its end, what runs goes on to its end.
        """
        self.closed = True
        self._dispatcher.stop_claiming()
        self._store.bell.ring(QUEUE)
        if drain_seconds is None:
            self._cancel_queued()
        else:
            self._drain(drain_seconds)
        self._launcher.close()

    def _cancel_queued(self) -> None:
        for job in self._store.unfinished():
            if job.status is JobStatus.QUEUED:
                self._store.move(job.job_id, JobStatus.CANCELLED, attempt=job.attempt)
        running = {(job.job_id, job.attempt) for job in self._store.unfinished()}
        for watch in self._dispatcher.watches:
            if (watch.job.job_id, watch.job.attempt) not in running:
                self._see_gone(watch)

    def _drain(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for watch in self._dispatcher.watches:
            watch.join(max(0.0, deadline - time.monotonic()))
        left = self._dispatcher.watches
        for watch in left:
            watch.hand_back()
        for watch in left:
            self._see_gone(watch)

    def _see_gone(self, watch: Watch) -> None:
        if not watch.join(watch.stop_seconds + self._settings.poll_seconds + 1.0):
            _logger.warning("the worker of job '%s' does not end", watch.job.job_id)

    def _loop(self) -> None:
        failures = 0
        while True:
            seen = self._store.bell.count(QUEUE)
            began = time.monotonic()
            try:
                self._dispatcher.look()
                failures = 0
            except StoreError as error:
                failures += 1
                _logger.warning("the store failed, the engine tries again: %s", error)
            except Exception:  # the loop must not end: no job would start any more
                failures += 1
                _logger.exception("the engine failed, and tries again")
            if self.closed and not self._dispatcher.busy:
                break
            if failures:
                self._over.wait(back_off(failures))
                continue
            self._store.bell.wait(QUEUE, seen, self._settings.poll_seconds)
            self._refill_until(began + self._dispatcher.pause_seconds)
        self._over.set()

    def _refill_until(self, moment: float) -> None:
        """Keep the slots busy without looking, so that many changes cost one look."""
        while (left := moment - time.monotonic()) > 0 and not self._over.is_set():
            if self._dispatcher.idle:
                return
            seen = self._store.bell.count(QUEUE)
            try:
                self._dispatcher.refill()
            except StoreError as error:
                _logger.warning("the store failed, the engine looks again: %s", error)
                return
            self._store.bell.wait(QUEUE, seen, left)

    def _beat(self) -> None:
        period = self._settings.lease_seconds / 3.0
        failures = 0
        while not self._over.wait(min(period, back_off(failures)) if failures else period):
            try:
                self._dispatcher.beat()
                failures = 0
            except StoreError as error:
                failures += 1
                _logger.warning("the store failed, the beat is tried again: %s", error)
            except Exception:  # without beats the engine's jobs would be taken from it
                failures += 1
                _logger.exception("the beat failed, and is tried again")
