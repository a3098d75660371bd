# SPDX-License-Identifier: Apache-2.0
"""Watches one attempt from its launch until its worker is gone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from qruntime.core.jobs import Job, JobFailure, JobStatus
from qruntime.engine.broker.broker import Broker
from qruntime.engine.broker.line import ASKED
from qruntime.engine.inbox import Inbox
from qruntime.engine.launchers import Attempt, Launcher
from qruntime.engine.orders import Orders
from qruntime.errors import QRuntimeError, StoreError
from qruntime.worker.task import Frame

_logger = logging.getLogger(__name__)
_LOOK_SECONDS = 0.05
_LEAVE_SECONDS = 1.0
_GATHER_SECONDS = 0.002
_MOST_BACK_OFF_SECONDS = 1.0
_NOT_AGAIN = (
    "the worker that ran the job was lost, and it had asked its backend for runs, which may have "
    "happened and are not repeated unasked: look at what there is, and submit the job again"
)


def back_off(failures: int) -> float:
    """Return for how many seconds to leave a store alone that has failed so often in a row."""
    return min(_MOST_BACK_OFF_SECONDS, 0.01 * 2.0 ** min(failures, 10))


class Watch:
    """One attempt: launches it, writes what it reports, ends it at its limit, sees it gone.

    ``step`` does what there is to do now; ``run`` steps until the worker is gone. ``clock`` is
    monotonic.
    """

    def __init__(
        self,
        job: Job,
        inbox: Inbox,
        launcher: Launcher,
        orders: Orders,
        clock: Callable[[], float],
        broker: Broker | None = None,
    ) -> None:
        self.job = job
        self.began = clock()
        self._inbox = inbox
        self._launcher = launcher
        self._orders = orders
        self._clock = clock
        self._attempt: Attempt | None = None
        self._limit_seconds: float | None = None
        self._deadline: float | None = None
        self._failures = 0
        self._retry_at = self.began
        self._leave_by: float | None = None
        self._stopped = False
        self._gone = threading.Event()
        self._launched = threading.Event()
        self._broker = broker
        self._line = (
            None if broker is None else broker.line(job, answer=self._answer, fail=self._misused)
        )

    def lose(self) -> None:
        """Stop the worker: the attempt is not the job's any more. From any thread."""
        self._inbox.lose()

    def hand_back(self) -> None:
        """Stop the worker because this engine stops: the job is queued again if it may be."""
        if self.job.attempt < self.job.options.max_attempts:
            self._inbox.end(JobStatus.QUEUED)
        else:
            self._fail(
                "server_stopped",
                "the server was stopped while the job ran, and the job has no attempts left: "
                f"it was started {self.job.attempt} of {self.job.options.max_attempts} times",
            )

    def join(self, seconds: float | None = None) -> bool:
        """Wait until the worker is gone; return whether it is."""
        return self._gone.wait(seconds)

    @property
    def stop_seconds(self) -> float:
        """How long a stopped worker may take to be gone."""
        return _LEAVE_SECONDS if self._attempt is None else self._attempt.stop_seconds

    def run(self) -> None:
        """Step until the worker is gone."""
        delay = self._safe_step()
        while delay is not None:
            if self._inbox.over and self._attempt is not None:
                self._attempt.wait(delay)
            else:
                self._inbox.wait(delay)
                self._inbox.gather(_GATHER_SECONDS)
            delay = self._safe_step()
        self._gone.set()

    def _safe_step(self) -> float | None:
        try:
            return self.step()
        except Exception as error:  # the job must not stay RUNNING for ever
            _logger.exception("job '%s' could not be watched", self.job.job_id)
            self._fail("internal_error", f"it could not be run: {type(error).__name__}: {error}")
            return _LEAVE_SECONDS

    def step(self) -> float | None:
        """Do what there is to do now; return when to step again, None once the worker is gone."""
        now = self._clock()
        if self._attempt is None and not (self._inbox.over or self._inbox.cut):
            if now < self._retry_at:
                return self._retry_at - now
            self._launch()
        gone = self._attempt is None or self._attempt.wait(0)
        self._end_if_due(now, gone)
        self._write(now)
        self._close_line(gone)
        if self._attempt is not None and not gone:
            self._see_out(now, self._attempt)
        if gone and self._inbox.over:
            return None
        due = [at - now for at in (self._deadline, self._retry_at) if at is not None and at > now]
        return min([_LOOK_SECONDS, *due])

    def _launch(self) -> None:
        try:
            if self._broker is not None and not self._broker.may_start(self.job):
                self._fail("worker_lost", _NOT_AGAIN)
                return
            order = self._orders.take(self.job)
            if order is None:
                self._inbox.lose()
                return
            self._attempt = self._launcher.launch(order.task, self._receive)
        except StoreError as error:
            self._note(error)
        except QRuntimeError as error:
            self._fail(error.code, error.message)
        except Exception as error:  # a launcher's trouble is the job's failure, not the engine's
            _logger.exception("job '%s' could not be launched", self.job.job_id)
            self._fail("internal_error", f"it could not be run: {type(error).__name__}: {error}")
        else:
            self._launched.set()
            if order.limit_seconds is not None:
                self._limit_seconds = order.limit_seconds
                self._deadline = self._clock() + order.limit_seconds

    def _close_line(self, gone: bool) -> None:
        """Cancel what the worker has running at a provider, once nobody waits for it any more."""
        left = gone and self._attempt is not None
        if self._line is not None and (left or self._inbox.cut or self._inbox.over):
            self._line.close()

    def _receive(self, frame: Frame) -> None:
        """Take a frame of the worker: what asks for runs is the broker's, all else the inbox's."""
        if self._line is not None and frame.kind in ASKED:
            self._line.take(frame)
        else:
            self._inbox.receive(frame)

    def _answer(self, frame: Frame) -> None:
        """Send the worker what became of a run; a frame may come before ``launch`` returns."""
        self._launched.wait()
        if self._attempt is not None:
            self._attempt.answer(frame)

    def _misused(self, message: str) -> None:
        self._fail("worker_died", message)

    def _end_if_due(self, now: float, gone: bool) -> None:
        if self._deadline is not None and now >= self._deadline:
            message = f"the job ran longer than its limit of {self._limit_seconds:g} s"
            failure = JobFailure("job_ran_too_long", message)
            self._inbox.end(JobStatus.RAN_TOO_LONG, failure=failure)
        if gone and self._attempt is not None:
            self._fail("worker_died", "the worker ended without a result")

    def _write(self, now: float) -> None:
        if now < self._retry_at:
            return
        try:
            self._inbox.flush()
        except StoreError as error:
            self._note(error)
        else:
            self._failures = 0

    def _see_out(self, now: float, attempt: Attempt) -> None:
        """Stop a worker that is to be stopped, and one that has said its last and lingers."""
        if self._stopped:
            return
        if not self._inbox.cut:
            if not self._inbox.over:
                return
            if self._leave_by is None:
                self._leave_by = now + _LEAVE_SECONDS
            if now < self._leave_by:
                return
        self._stopped = True
        attempt.stop()

    def _fail(self, code: str, message: str) -> None:
        self._inbox.end(JobStatus.FAILED, failure=JobFailure(code, message))

    def _note(self, error: StoreError) -> None:
        self._failures += 1
        self._retry_at = self._clock() + back_off(self._failures)
        _logger.warning("the store failed for job '%s': %s", self.job.job_id, error)
