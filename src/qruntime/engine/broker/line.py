# SPDX-License-Identifier: Apache-2.0
"""``Line``: what one attempt asks of its brokered backend, carried out in order."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from qruntime.backends.brokered import Request, write_answer, write_refusal
from qruntime.backends.provider_jobs import (
    cancel_unless_final,
    provider_errors,
    successful,
    wait_until_final,
)
from qruntime.core.jobs import Job
from qruntime.core.provider_jobs import ProviderJob, ProviderJobState
from qruntime.engine.broker.devices import Device, PatientJob, fate_of
from qruntime.engine.broker.reader import Reader
from qruntime.errors import ExecutionError, QRuntimeError, StoreError
from qruntime.store.base import Store
from qruntime.worker.task import Frame, FrameKind

ASKED = frozenset({FrameKind.RUN, FrameKind.CALL_OFF})
"""The kinds of frames that a line takes."""

_logger = logging.getLogger(__name__)
_MOST_WAITING = 2
_RECORD_SECONDS = 15.0
_RECORD_PAUSE_SECONDS = 0.2


class Line:
    """Runs circuits for one attempt on the one backend that its job names.

    Before anything is submitted, the intent is in the store; the provider's id of the job is there
    before anything else is done with it. ``answer`` takes the answers; ``fail`` ends a job whose
    worker breaks the rules.
    """

    def __init__(
        self,
        job: Job,
        device: Device,
        store: Store,
        reader: Reader,
        *,
        answer: Callable[[Frame], None],
        fail: Callable[[str], None],
    ) -> None:
        self._job = job
        self._device = device
        self._store = store
        self._reader = reader
        self._answer = answer
        self._fail = fail
        self._changed = threading.Condition()
        self._waiting: deque[Frame] = deque()
        self._current: str | None = None
        self._off = threading.Event()
        self._closed = False
        self._number = 0
        self._thread: threading.Thread | None = None

    @property
    def attempt(self) -> tuple[str, int]:
        """The job's id and the number of the attempt."""
        return self._job.job_id, self._job.attempt

    def take(self, frame: Frame) -> None:
        """Take a frame of the worker; returns at once."""
        with self._changed:
            if self._closed:
                return
            if frame.kind is FrameKind.CALL_OFF:
                self._call_off(frame.level)
                return
            if len(self._waiting) >= _MOST_WAITING:
                self._fail(f"its worker asked for {_MOST_WAITING} runs without taking the answers")
                return
            self._waiting.append(frame)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="qruntime-broker-line", daemon=True
                )
                self._thread.start()

    def _call_off(self, number: str) -> None:
        self._waiting = deque(frame for frame in self._waiting if frame.level != number)
        if self._current == number:
            self._off.set()

    def close(self) -> None:
        """Begin nothing more, and cancel what runs at the provider; returns at once."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._off.set()
            self._changed.notify_all()

    def join(self, seconds: float) -> bool:
        """Wait until nothing of a closed line runs any more; return whether that is so."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.busy

    @property
    def busy(self) -> bool:
        """Whether something may still be submitted or written."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def over(self) -> bool:
        """Whether it is closed and has nothing left to do."""
        return self._closed and not self.busy

    def _work(self) -> None:
        while (frame := self._next()) is not None:
            text = self._answer_to(frame)
            with self._changed:
                self._current = None
            if not self._closed:
                self._answer(Frame(FrameKind.ANSWER, text, frame.level))

    def _next(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._waiting))
            if self._closed:
                return None
            self._off.clear()
            frame = self._waiting.popleft()
            self._current = frame.level
            return frame

    def _answer_to(self, frame: Frame) -> str:
        try:
            request = self._reader.read(frame.data)
            with provider_errors():
                options = self._device.check(request.circuits, request.options)
            return self._carry_out(request, options)
        except QRuntimeError as error:
            return write_refusal(error)
        except Exception as error:  # the worker must not wait for ever
            _logger.exception("a run of job '%s' failed in the broker", self._job.job_id)
            return write_refusal(ExecutionError(f"the broker failed: {type(error).__name__}"))

    def _carry_out(self, request: Request, options: dict[str, Any]) -> str:
        deadline = None if request.timeout is None else time.monotonic() + request.timeout
        entry = self._intend()
        submission = self._device.submit(
            request.circuits, options, entry.token, self._pause_of_submission
        )
        if submission.error is not None:
            self._note(entry, submission.state)
            raise submission.error
        job = submission.job
        try:
            self._record(entry, ProviderJobState.SUBMITTED, str(job.job_id()))
            patient = PatientJob(job, self._pause)
            with provider_errors():
                wait_until_final(patient, deadline, request.timeout, self._pause)
                return write_answer(successful(patient.result(), patient), patient.job_id())
        except BaseException:
            cancel_unless_final(job)
            raise
        finally:
            self._note(entry, fate_of(job))

    def _intend(self) -> ProviderJob:
        """Record what is about to be submitted; from here on a crash leaves a trace."""
        self._pause(0.0)
        self._number += 1
        entry = ProviderJob(
            self._job.job_id,
            self._job.attempt,
            self._number,
            self._device.name,
            uuid.uuid4().hex,
            self._store.now(),
        )
        if not self._store.add_provider_job(entry):
            raise ExecutionError("the attempt is over: nothing was submitted")
        return entry

    def _pause(self, seconds: float) -> None:
        if self._off.wait(seconds):
            raise ExecutionError("the run was called off")

    def _pause_of_submission(self, seconds: float) -> None:
        """Wait, called off or not: what has been sent must be known before it can be cancelled."""
        time.sleep(seconds)

    def _note(self, entry: ProviderJob, state: ProviderJobState) -> None:
        """Write how it ended; if the store fails, the next look at open jobs finds out again."""
        try:
            self._record(entry, state)
        except StoreError as error:
            _logger.warning("what job '%s' had run is not recorded: %s", entry.job_id, error)

    def _record(
        self, entry: ProviderJob, state: ProviderJobState, provider_job_id: str | None = None
    ) -> None:
        """Write what is known.

        Raises:
            StoreError: it has failed for long.
        """
        until = time.monotonic() + _RECORD_SECONDS
        while True:
            try:
                self._store.set_provider_job(entry, state, provider_job_id)
                return
            except StoreError:
                if time.monotonic() > until:
                    raise
            time.sleep(_RECORD_PAUSE_SECONDS)
