# SPDX-License-Identifier: Apache-2.0
"""Gathers what one worker reports, and writes it into the store in order, many frames at a time."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from qruntime.core.jobs import EventKind, Job, JobFailure, JobStatus, JobUsage, NewEvent
from qruntime.errors import QRuntimeError, StoreError
from qruntime.store.base import Store
from qruntime.worker.task import Frame, FrameKind

_EVENTS = {
    FrameKind.INTERIM_RESULT: EventKind.INTERIM_RESULT,
    FrameKind.LOG: EventKind.LOG,
    FrameKind.USAGE: EventKind.USAGE,
}
_BATCH_EVENTS = 1000
_BATCH_CHARACTERS = 4_000_000
_PAGE = 1000
_USAGE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _End:
    status: JobStatus
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Entry:
    event: NewEvent
    usage: JobUsage | None = None


class Inbox:
    """What one attempt reports, on its way into the store.

    The launcher's thread calls ``receive``; one other thread calls ``flush``. At most
    ``most_characters`` are kept: a worker that reports faster waits, and one that has waited
    ``patience_seconds`` in vain is ended.

    ``over`` says that the job's end is written, or is not this attempt's to write. ``cut`` says
    that the worker is to be stopped, whatever it still does.
    """

    def __init__(
        self,
        store: Store,
        job: Job,
        *,
        most_characters: int = 64_000_000,
        patience_seconds: float = 15.0,
    ) -> None:
        self._store = store
        self._job_id = job.job_id
        self._attempt = job.attempt
        self._most_characters = most_characters
        self._patience_seconds = patience_seconds
        self._changed = threading.Condition()
        self._woken = False
        self._entries: deque[_Entry] = deque()
        self._held = 0
        self._end: _End | None = None
        self._pending: list[_Entry] = []
        self._unsure = False
        self._awaited = False
        self._apart = False
        self._written = 0
        self._counted = 0
        self._cursor = 0
        self.over = False
        self.cut = False

    # the launcher's side ------------------------------------------------------------------------

    def receive(self, frame: Frame) -> None:
        """Take a frame; after the end, or once the worker is to be stopped, drop it."""
        with self._changed:
            if self._closed:
                return
            if frame.kind is FrameKind.RESULT:
                self._set_end(JobStatus.COMPLETED, result=frame.data)
                return
            try:
                if frame.kind is FrameKind.FAILURE:
                    self._set_end(JobStatus.FAILED, failure=_failure_of(frame))
                    return
                entry = _entry_of(frame)
            except (ValueError, TypeError) as error:
                self._cut_off("worker_died", f"its worker sent what cannot be read: {error}")
                return
            self._put(entry)

    def _put(self, entry: _Entry) -> None:
        size = len(entry.event.data)
        room = self._changed.wait_for(
            lambda: self._closed or self._held + size <= max(self._most_characters, size),
            self._patience_seconds,
        )
        if self._closed:
            return
        if not room:
            self._cut_off(
                "output_lost",
                "what the program reported could not be written for "
                f"{self._patience_seconds:g} s, and more of it came than is kept: it was stopped",
            )
            return
        self._entries.append(entry)
        self._held += size
        self._awaited = self._awaited or entry.usage is None
        self._wake()

    # the engine's side --------------------------------------------------------------------------

    @property
    def ended_by_worker(self) -> bool:
        """Whether the worker has said the last that it has to say."""
        return self._end is not None and not self.cut

    def end(self, status: JobStatus, **fields: Any) -> None:
        """End the attempt so, unless it has ended already; nothing more is taken of its worker."""
        with self._changed:
            if not self._closed:
                self.cut = True
                self._set_end(status, **fields)

    def lose(self) -> None:
        """Drop everything: the store says that this attempt is not the job's any more."""
        with self._changed:
            if not self.over and not self.ended_by_worker:
                self.cut = True
                self._finish()

    def wait(self, seconds: float) -> None:
        """Wait for something to do."""
        with self._changed:
            if not self._woken:
                self._changed.wait(seconds)
            self._woken = False

    def gather(self, seconds: float) -> None:
        """Wait for more to write at once, if there is something to write and no end in sight.

        What nobody waits for, a usage, is left longer: mostly the end comes soon after it.
        """
        with self._changed:
            if not self._entries:
                return
            self._changed.wait_for(lambda: self._closed or self._awaited, _USAGE_SECONDS)
            self._changed.wait_for(
                lambda: self._closed or len(self._entries) >= _BATCH_EVENTS, seconds
            )

    def flush(self) -> None:
        """Write what has come, in order, and the end when it has come, with the last of it.

        Raises:
            StoreError: the store failed; what is not written is kept, and may be tried again.
        """
        while not self.over:
            batch, end = self._next_batch()
            if not batch and end is None:
                return
            try:
                if end is None:
                    self._append(batch)
                else:
                    self._move(end, batch)
            except StoreError:
                raise
            except QRuntimeError as error:  # the store refuses what the worker sent: too large
                if end is not None and batch:
                    self._apart = True  # what came before the end may be taken all the same
                else:
                    self._refuse(error)

    def _next_batch(self) -> tuple[list[_Entry], _End | None]:
        """Return what to write next, and the end if that may be written with it."""
        with self._changed:
            size = 0
            while (
                not self._unsure
                and self._entries
                and len(self._pending) < _BATCH_EVENTS
                and size < _BATCH_CHARACTERS
            ):
                entry = self._entries.popleft()
                self._pending.append(entry)
                size += len(entry.event.data)
            self._awaited = any(entry.usage is None for entry in self._entries)
            rest = self._unsure or bool(self._entries) or (self._apart and bool(self._pending))
            return self._pending, None if rest else self._end

    def _append(self, batch: list[_Entry]) -> None:
        written = self._unsure and self._is_written(len(batch))
        if not written:
            self._unsure = True
            events = [entry.event for entry in batch]
            written = self._store.append(self._job_id, self._attempt, events, _usage_of(batch))
        with self._changed:
            self._unsure = False
            if not written:
                self.cut = True
                self._finish()
                return
            self._written += len(batch)
            self._drop(batch)

    def _is_written(self, more: int) -> bool:
        """Say whether a write that seemed to fail has happened: nobody else writes these events."""
        while page := self._store.events(self._job_id, after=self._cursor, limit=_PAGE):
            self._cursor = page[-1].cursor
            self._counted += sum(
                event.attempt == self._attempt and event.kind is not EventKind.STATUS
                for event in page
            )
        return self._counted >= self._written + more

    def _move(self, end: _End, batch: list[_Entry]) -> None:
        fields = dict(end.fields)
        if batch:
            fields["events"] = [entry.event for entry in batch]
        if (usage := _usage_of(batch)) is not None:
            fields["usage"] = usage
        moved = self._store.move(self._job_id, end.status, attempt=self._attempt, **fields)
        with self._changed:
            self.cut = self.cut or moved is None
            self._finish()

    def _refuse(self, error: QRuntimeError) -> None:
        with self._changed:
            self._entries.clear()
            self._drop(self._pending)
            self._unsure = False
            self.cut = True
            self._end = _End(JobStatus.FAILED, {"failure": JobFailure(error.code, error.message)})

    # both ---------------------------------------------------------------------------------------

    @property
    def _closed(self) -> bool:
        return self.over or self._end is not None

    def _cut_off(self, code: str, message: str) -> None:
        self.cut = True
        self._set_end(JobStatus.FAILED, failure=JobFailure(code, message))

    def _set_end(self, status: JobStatus, **fields: Any) -> None:
        self._end = _End(status, fields)
        self._wake()

    def _finish(self) -> None:
        self.over = True
        self._entries.clear()
        self._pending = []
        self._held = 0
        self._wake()

    def _drop(self, batch: list[_Entry]) -> None:
        self._held -= sum(len(entry.event.data) for entry in batch)
        self._pending = []
        self._changed.notify_all()

    def _wake(self) -> None:
        self._woken = True
        self._changed.notify_all()


def _usage_of(batch: list[_Entry]) -> JobUsage | None:
    return next((entry.usage for entry in reversed(batch) if entry.usage), None)


def _failure_of(frame: Frame) -> JobFailure:
    failure = JobFailure(**json.loads(frame.data))
    if not all(
        isinstance(text, str) for text in (failure.code, failure.message, failure.traceback)
    ):
        raise TypeError("a failure is made of texts")
    return failure


def _entry_of(frame: Frame) -> _Entry:
    if frame.kind not in _EVENTS:
        raise ValueError(f"nobody takes a '{frame.kind}' of this job")
    event = NewEvent(_EVENTS[frame.kind], frame.data, frame.level)
    if frame.kind is not FrameKind.USAGE:
        return _Entry(event)
    usage = JobUsage(**json.loads(frame.data))
    if not all(
        type(count) is int and count >= 0 for count in (usage.runs, usage.circuits, usage.shots)
    ):
        raise TypeError("a usage is made of whole numbers")
    return _Entry(event, usage)
