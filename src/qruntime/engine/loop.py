# SPDX-License-Identifier: Apache-2.0
"""Claims queued jobs, launches them, and watches each until it ends or must be stopped."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qruntime.core.jobs import EventKind, Job, JobFailure, JobStatus, JobUsage, NewEvent
from qruntime.engine.launchers import Attempt, Launcher
from qruntime.errors import QRuntimeError
from qruntime.store.base import JobState, Store
from qruntime.store.bell import QUEUE
from qruntime.worker.task import Frame, FrameKind, Task

_logger = logging.getLogger(__name__)
_LOOK_SECONDS = 0.05
_WAIT_SECONDS = 5.0
_EVENTS = {
    FrameKind.INTERIM_RESULT: EventKind.INTERIM_RESULT,
    FrameKind.LOG: EventKind.LOG,
    FrameKind.USAGE: EventKind.USAGE,
}


@dataclass(frozen=True, slots=True)
class Order:
    """A queued job's task and its time limit in seconds, as its submitter gave them."""

    task: Task
    limit_seconds: float | None


class Engine:
    """Runs the store's queued jobs, the oldest first, at most ``slots`` at a time.

    ``take_order`` gives the order of a job that the engine has claimed, once.
    """

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        take_order: Callable[[str], Order | None],
        *,
        slots: int,
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._take_order = take_order
        self._slots = threading.Semaphore(slots)
        self.closed = False
        self._watches: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._loop, name="qruntime-engine", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cancel what is queued, see what is being stopped to its end, free the launcher."""
        self.closed = True
        self._store.bell.ring(QUEUE)
        self._thread.join()
        for job in self._queued():
            self._store.move(job.job_id, JobStatus.CANCELLED)
        running = {job.job_id for job in self._store.unfinished()}
        for job_id, watch in list(self._watches.items()):
            if job_id not in running:
                watch.join()
        self._launcher.close()

    def _loop(self) -> None:
        while not self.closed:
            if not self._slots.acquire(timeout=_LOOK_SECONDS):
                continue
            job = self._claim()
            if job is None:
                return
            watch = threading.Thread(
                target=self._attend, args=(job,), name="qruntime-watch", daemon=True
            )
            self._watches[job.job_id] = watch
            watch.start()

    def _claim(self) -> Job | None:
        """Wait for a queued job and move it to RUNNING; None once the engine is closed."""
        while True:
            seen = self._store.bell.count(QUEUE)
            if self.closed:
                return None
            for job in self._queued():
                claimed = self._store.move(job.job_id, JobStatus.RUNNING)
                if claimed is not None:
                    return claimed
            self._store.bell.wait(QUEUE, seen, _WAIT_SECONDS)

    def _queued(self) -> list[JobState]:
        return [job for job in self._store.unfinished() if job.status is JobStatus.QUEUED]

    def _attend(self, job: Job) -> None:
        try:
            order = self._take_order(job.job_id)
            if order is None:  # it was cancelled in this very moment
                return
            attempt = self._launcher.launch(order.task, Inbox(self._store, job).receive)
            self._watch(job.job_id, attempt, order.limit_seconds)
            self._fail(job, "worker_died", "the worker ended without a result")
        except QRuntimeError as error:
            self._fail(job, error.code, error.message)
        except Exception as error:
            _logger.exception("job '%s' could not be run", job.job_id)
            self._fail(
                job, "internal_error", f"it could not be run: {type(error).__name__}: {error}"
            )
        finally:
            self._watches.pop(job.job_id, None)
            self._slots.release()

    def _fail(self, job: Job, code: str, message: str) -> None:
        """End a job as failed; one that has ended already is left as it is."""
        failure = JobFailure(code, message)
        self._store.move(job.job_id, JobStatus.FAILED, attempt=job.attempt, failure=failure)

    def _watch(self, job_id: str, attempt: Attempt, limit_seconds: float | None) -> None:
        deadline = None if limit_seconds is None else time.monotonic() + limit_seconds
        while not attempt.wait(_LOOK_SECONDS):
            if self._store.job(job_id).status.final:
                break
            if deadline is not None and time.monotonic() >= deadline:
                message = f"the job ran longer than its limit of {limit_seconds:g} s"
                failure = JobFailure("job_ran_too_long", message)
                self._store.move(job_id, JobStatus.RAN_TOO_LONG, failure=failure)
                break
        else:
            return
        attempt.stop()
        attempt.wait(attempt.stop_seconds)


class Inbox:
    """Writes what one worker reports into the store."""

    def __init__(self, store: Store, job: Job) -> None:
        self._store = store
        self._job_id = job.job_id
        self._attempt = job.attempt

    def receive(self, frame: Frame) -> None:
        """Write down a frame; after the job's end, nothing."""
        if frame.kind is FrameKind.RESULT:
            self._end(JobStatus.COMPLETED, result=frame.data)
        elif frame.kind is FrameKind.FAILURE:
            self._end(JobStatus.FAILED, failure=JobFailure(**json.loads(frame.data)))
        else:
            if frame.kind is FrameKind.USAGE:
                usage = JobUsage(**json.loads(frame.data))
                self._store.record_usage(self._job_id, self._attempt, usage)
            event = NewEvent(_EVENTS[frame.kind], frame.data, frame.level)
            self._store.append(self._job_id, self._attempt, [event])

    def _end(self, status: JobStatus, **fields: Any) -> None:
        self._store.move(self._job_id, status, attempt=self._attempt, **fields)
