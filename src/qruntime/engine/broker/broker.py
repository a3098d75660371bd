# SPDX-License-Identifier: Apache-2.0
"""``Broker``: the backends with credentials, the lines to them, and the truth after a crash."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from qruntime.backends.brokered import BrokeredBackend
from qruntime.backends.provider_jobs import cancel_unless_final
from qruntime.backends.registry import Catalog
from qruntime.core.jobs import Job, JobStatus
from qruntime.core.provider_jobs import ProviderJob, ProviderJobState
from qruntime.engine.broker.devices import Device, fate_of
from qruntime.engine.broker.line import Line
from qruntime.engine.broker.reader import Reader
from qruntime.errors import ExecutionError, StoreError, UnavailableError
from qruntime.program.backend import ProgramBackend
from qruntime.store.base import Store
from qruntime.worker.task import Frame

_logger = logging.getLogger(__name__)
_END_SECONDS = 10.0


class Broker:
    """Serves the attempts of one engine, and settles the provider's jobs that attempts have left.

    Every ``look_seconds`` it looks for open jobs of providers whose attempt is over: by id or token
    they are found, cancelled, and their fate is recorded. Nothing is ever submitted again. A job
    that the provider does not know counts as not submitted only after ``settle_seconds``, in which
    a submission that was on its way has arrived.
    """

    def __init__(
        self,
        store: Store,
        devices: Iterable[Device],
        *,
        reader: Reader | None = None,
        look_seconds: float = 2.0,
        settle_seconds: float = 60.0,
    ) -> None:
        self._store = store
        self._devices = {device.name: device for device in devices}
        self._reader = reader or Reader()
        self._look_seconds = look_seconds
        self._settle_seconds = settle_seconds
        self._lines: list[Line] = []
        self._lock = threading.Lock()
        self._missed: dict[tuple[str, int, int], float] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        if self._devices:
            self._thread = threading.Thread(target=self._look, name="qruntime-broker", daemon=True)
            self._thread.start()

    def catalog(self) -> Catalog:
        """Return the backends by name, to be looked at; what runs circuits on them is a job."""
        return Catalog(names=lambda: tuple(self._devices), create=self._shown)

    def _shown(self, name: str) -> ProgramBackend:
        def ask(_request: str) -> str:
            raise ExecutionError(f"'{name}' runs circuits only for jobs")

        try:
            return BrokeredBackend(self.describe(name), ask)
        except ExecutionError as error:
            raise UnavailableError(f"backend '{name}' cannot be asked now: {error}") from error

    def describe(self, name: str) -> str:
        """Return what a worker may know of a backend; empty if it is not one of these.

        Raises:
            ExecutionError: its provider cannot be asked.
        """
        device = self._devices.get(name)
        return "" if device is None else device.describe()

    def line(
        self, job: Job, *, answer: Callable[[Frame], None], fail: Callable[[str], None]
    ) -> Line | None:
        """Return the line of an attempt to the backend of its job; None if that needs no broker."""
        device = self._devices.get(job.options.backend_name)
        if device is None:
            return None
        made = Line(job, device, self._store, self._reader, answer=answer, fail=fail)
        with self._lock:
            self._lines = [line for line in self._lines if not line.over]
            self._lines.append(made)
        return made

    def may_start(self, job: Job) -> bool:
        """Say whether an attempt may be launched: what earlier ones had run may be run twice.

        Earlier attempts are over: nothing that they ask for is recorded, or submitted, any more.

        Raises:
            StoreError: the store failed.
        """
        device = self._devices.get(job.options.backend_name)
        if job.attempt == 1 or device is None or device.retry_safe:
            return True
        held = self._store.provider_jobs(job.job_id)
        return all(entry.state is ProviderJobState.NOT_SUBMITTED for entry in held)

    def close(self) -> None:
        """Cancel what runs at providers, record it, and stop looking."""
        self._closed.set()
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            line.close()
        deadline = time.monotonic() + _END_SECONDS
        for line in lines:
            if not line.join(max(0.0, deadline - time.monotonic())):
                _logger.warning("a run of job '%s' does not end", line.attempt[0])
        if self._thread is not None:
            self._thread.join(_END_SECONDS)
        self._reader.close()

    # after a crash ------------------------------------------------------------------------------

    def _look(self) -> None:
        while True:
            try:
                self.reconcile()
                self._reader.start()
            except StoreError as error:
                _logger.warning("open jobs of providers could not be read: %s", error)
            except Exception:  # the next look must come all the same
                _logger.exception("open jobs of providers could not be settled")
            if self._closed.wait(self._look_seconds):
                return

    def reconcile(self) -> None:
        """Settle what attempts that are over have left at providers.

        Raises:
            StoreError: the store failed.
        """
        left = self._store.provider_jobs(open_only=True)
        if not left:
            return
        with self._lock:
            busy = {line.attempt for line in self._lines if line.busy}
        running = {
            (state.job_id, state.attempt)
            for state in self._store.unfinished()
            if state.status is JobStatus.RUNNING
        }
        for entry in left:
            if (entry.job_id, entry.attempt) not in busy | running:
                self._settle(entry)

    def _settle(self, entry: ProviderJob) -> None:
        device = self._devices.get(entry.backend_name)
        job = None
        try:
            if device is None or not device.can_find(entry):
                self._set(entry, ProviderJobState.UNKNOWN)
                return
            job = device.find(entry)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  a provider may raise anything: it is asked again
            if entry.state is not ProviderJobState.UNKNOWN:  # told once, not at every look
                name = entry.backend_name
                _logger.warning("the provider of '%s' cannot be asked: %s", name, error)
            self._set(entry, ProviderJobState.UNKNOWN)
            return
        if job is None:
            self._set(entry, self._state_of_missing(entry))
            return
        self._set(entry, ProviderJobState.SUBMITTED, str(job.job_id()))
        cancel_unless_final(job)
        self._set(entry, fate_of(job), str(job.job_id()))

    def _state_of_missing(self, entry: ProviderJob) -> ProviderJobState:
        """Return what a job is that its provider does not know: never there, after a while."""
        now = time.monotonic()
        since = self._missed.setdefault((entry.job_id, entry.attempt, entry.number), now)
        if entry.provider_job_id is not None or now - since < self._settle_seconds:
            return ProviderJobState.UNKNOWN
        return ProviderJobState.NOT_SUBMITTED

    def _set(
        self, entry: ProviderJob, state: ProviderJobState, provider_job_id: str | None = None
    ) -> None:
        named = provider_job_id or entry.provider_job_id
        if (state, named) == (entry.state, entry.provider_job_id):
            return
        self._store.set_provider_job(entry, state, named)
        _logger.warning(
            "what job '%s' left at '%s' (%s) is: %s",
            entry.job_id,
            entry.backend_name,
            named or "not named by the provider",
            state,
        )
