# SPDX-License-Identifier: Apache-2.0
"""``RuntimeJob``: follow one job to its result."""

from __future__ import annotations

import html
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from qruntime import wire
from qruntime.client.connection import Connection
from qruntime.client.decoder import ResultDecoder
from qruntime.core.jobs import EventKind, Job, JobEvent, JobStatus
from qruntime.errors import (
    InvalidStateError,
    JobCancelledError,
    JobFailedError,
    JobRanTooLongError,
    JobTimeoutError,
)
from qruntime.program.faces import CallableFace, CallableName

_logger = logging.getLogger(__name__)

Callback = Callable[[str, Any], None]
"""Takes the job's id and a decoded interim result."""


class RuntimeJob:
    """One execution of a program. It goes on whether anybody looks at it or not."""

    def __init__(
        self,
        connection: Connection,
        job_id: str,
        *,
        result_decoder: type[ResultDecoder] = ResultDecoder,
    ) -> None:
        self._connection = connection
        self._job_id = job_id
        self._decoder = result_decoder
        self._streaming: threading.Event | None = None

    def snapshot(self) -> Job:
        """Return the job's record as it is now, its result and inputs still encoded."""
        return self._connection.job(self._job_id)

    @property
    def job_id(self) -> CallableName:
        """The id, as an attribute and as a method."""
        return CallableName(self._job_id)

    @property
    def backend(self) -> Any:
        """The backend that the job runs on, as an attribute and as a method."""
        return CallableFace(self._connection.backend_of(self._job_id))

    @property
    def backend_name(self) -> str:
        """The name of the backend."""
        return self.snapshot().options.backend_name

    @property
    def program_id(self) -> str:
        """The program."""
        return self.snapshot().program_id

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs that the job was submitted with, schema defaults filled in."""
        inputs: dict[str, Any] = wire.decode(self._connection.inputs(self._job_id))
        return inputs

    @property
    def creation_date(self) -> datetime:
        """When it was submitted."""
        return self.snapshot().created

    @property
    def tags(self) -> list[str]:
        """The tags that it was submitted with."""
        return list(self.snapshot().options.tags)

    @property
    def session_id(self) -> str | None:
        """The session that it belongs to."""
        return self.snapshot().options.session_id

    @property
    def image(self) -> str | None:
        """The worker image that was asked for."""
        return self.snapshot().options.image

    def status(self) -> JobStatus:
        """Return where the job is; members compare equal to the strings on the wire."""
        return self.snapshot().status

    def done(self) -> bool:
        """Return whether it completed with a result."""
        return self.status() is JobStatus.COMPLETED

    def running(self) -> bool:
        """Return whether it is running."""
        return self.status() is JobStatus.RUNNING

    def cancelled(self) -> bool:
        """Return whether it was cancelled."""
        return self.status() is JobStatus.CANCELLED

    def errored(self) -> bool:
        """Return whether it failed or ran too long."""
        return self.status() in (JobStatus.FAILED, JobStatus.RAN_TOO_LONG)

    def in_final_state(self) -> bool:
        """Return whether it has ended."""
        return self.status().final

    def result(
        self, timeout: float | None = None, decoder: type[ResultDecoder] | None = None
    ) -> Any:
        """Wait for the end and return the result.

        Raises:
            JobFailedError: the program raised; the message ends with its traceback.
            JobRanTooLongError: it was stopped at its time limit.
            JobCancelledError: it was cancelled.
            JobTimeoutError: ``timeout`` seconds were not enough; the job goes on.
        """
        status = self._end(timeout)
        if status is JobStatus.CANCELLED:
            raise JobCancelledError(f"job '{self._job_id}' was cancelled")
        if status is not JobStatus.COMPLETED:
            raise self._error(self.snapshot())
        return (decoder or self._decoder).decode(self.result_text())

    def result_text(self) -> str:
        """Return the result of a completed job as it travelled: JSON, still encoded."""
        return self._connection.result(self._job_id)

    @staticmethod
    def _error(job: Job) -> JobFailedError:
        failure = job.failure
        message = "it has no result" if failure is None else failure.message
        traceback = "" if failure is None else failure.traceback
        kind = JobRanTooLongError if job.status is JobStatus.RAN_TOO_LONG else JobFailedError
        text = f"job '{job.job_id}' failed: {message}"
        return kind(f"{text}\n\n{traceback}" if traceback else text, traceback=traceback)

    def error_message(self) -> str | None:
        """Return why the job ended without a result, with the program's traceback; else None."""
        failure = self.snapshot().failure
        if failure is None:
            return None
        return failure.traceback or failure.message

    def wait_for_final_state(self, timeout: float | None = None) -> None:
        """Wait for the end.

        Raises:
            JobTimeoutError: ``timeout`` seconds were not enough; the job goes on.
        """
        self._end(timeout)

    def _end(self, timeout: float | None) -> JobStatus:
        (last,) = deque(self.events(timeout=timeout), maxlen=1)
        return JobStatus(last.data)

    def events(self, *, after: int = 0, timeout: float | None = None) -> Iterator[JobEvent]:
        """Yield the job's events after a cursor, as they come, until the job's end.

        Raises:
            JobTimeoutError: the end did not come within ``timeout`` seconds.
        """
        for event in self._connection.follow(self._job_id, after=after, timeout=timeout):
            yield event
            if event.last:
                return
        raise JobTimeoutError(
            f"job '{self._job_id}' has not ended within {timeout:g} s; it is {self.status()} and "
            "goes on"
        )

    def interim_results(self, decoder: type[ResultDecoder] | None = None) -> list[Any]:
        """Return the interim results so far, in order."""
        return [
            (decoder or self._decoder).decode(event.data)
            for event in self._so_far()
            if event.kind is EventKind.INTERIM_RESULT
        ]

    def _so_far(self) -> Iterator[JobEvent]:
        after = 0
        while found := self._connection.events(self._job_id, after=after, timeout=0):
            yield from found
            after = found[-1].cursor

    def stream(self, decoder: type[ResultDecoder] | None = None) -> Iterator[Any]:
        """Yield every interim result, those already published first, until the job's end."""
        for event in self.events():
            if event.kind is EventKind.INTERIM_RESULT:
                yield (decoder or self._decoder).decode(event.data)

    def stream_results(
        self, callback: Callback, decoder: type[ResultDecoder] | None = None
    ) -> None:
        """Call ``callback(job_id, interim_result)`` for every interim result, from a thread.

        It begins with the first one, those already published included.

        Raises:
            InvalidStateError: a callback is being served already.
        """
        if self._streaming is not None and not self._streaming.is_set():
            raise InvalidStateError(
                "a callback is streaming already; end it with cancel_result_streaming()"
            )
        ended = threading.Event()
        self._streaming = ended
        threading.Thread(
            target=self._stream,
            args=(callback, decoder or self._decoder, ended),
            name="qruntime-stream",
            daemon=True,
        ).start()

    def _stream(
        self, callback: Callback, decoder: type[ResultDecoder], ended: threading.Event
    ) -> None:
        try:
            for event in self.events():
                if ended.is_set():
                    return
                if event.kind is EventKind.INTERIM_RESULT:
                    callback(self._job_id, decoder.decode(event.data))
        except Exception:
            _logger.exception("the callback for job '%s' failed; its streaming ends", self._job_id)
        finally:
            ended.set()

    def cancel_result_streaming(self) -> None:
        """End the streaming of interim results; without one, do nothing."""
        if self._streaming is not None:
            self._streaming.set()

    def cancel(self) -> None:
        """Cancel the job.

        Raises:
            InvalidStateError: it has ended already.
        """
        self._connection.cancel(self._job_id)

    def logs(self) -> str:
        """Return what the program printed and logged so far, a line each."""
        lines = (event.data for event in self._so_far() if event.kind is EventKind.LOG)
        return "".join(f"{line}\n" for line in lines)

    def metrics(self) -> dict[str, Any]:
        """Return time stamps and usage: runs, circuits and shots so far."""
        job = self.snapshot()
        stamps = {"created": job.created, "running": job.started, "finished": job.ended}
        usage = {
            "runs": job.usage.runs,
            "circuits": job.usage.circuits,
            "shots": job.usage.shots,
        }
        return {
            "timestamps": {name: at and at.isoformat() for name, at in stamps.items()},
            "usage": usage,
        }

    def __repr__(self) -> str:
        return f"<RuntimeJob('{self._job_id}', '{self.program_id}')>"

    def _repr_html_(self) -> str:
        """Return the job as a table, for notebooks."""
        job = self.snapshot()
        rows: dict[str, Any] = {
            "job": job.job_id,
            "status": job.status,
            "program": job.program_id,
            "backend": job.options.backend_name,
            "created": job.created.isoformat(timespec="seconds"),
            "circuits": f"{job.usage.circuits:,}",
            "shots": f"{job.usage.shots:,}",
        }
        if job.failure is not None:
            rows["failure"] = job.failure.message
        cells = "".join(
            f"<tr><th>{name}</th><td>{html.escape(str(value))}</td></tr>"
            for name, value in rows.items()
        )
        return f"<table>{cells}</table>"
