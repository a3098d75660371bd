# SPDX-License-Identifier: Apache-2.0
"""Jobs: their states, the moves between them, and the events that they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobStatus(StrEnum):
    """Where a job is. The values are those on the wire; a member compares equal to its value."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    RAN_TOO_LONG = "CANCELLED - RAN TOO LONG"

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


SOURCES: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING}),
    JobStatus.RUNNING: frozenset({JobStatus.QUEUED}),
    JobStatus.COMPLETED: frozenset({JobStatus.RUNNING}),
    JobStatus.FAILED: frozenset({JobStatus.QUEUED, JobStatus.RUNNING}),
    JobStatus.CANCELLED: frozenset({JobStatus.QUEUED, JobStatus.RUNNING}),
    JobStatus.RAN_TOO_LONG: frozenset({JobStatus.RUNNING}),
}
"""The legal moves: for each state, the states from which a job may come to it.

A running job is queued again only when its worker was lost and it has attempts left.
"""

MAX_PRIORITY = 100
"""A job's priority lies between this and its negative."""

MAX_ATTEMPTS = 10

LOCAL_USER = "local"
"""The owner of what belongs to nobody in particular: a runtime in the user's own process."""


class EventKind(StrEnum):
    """What an event tells."""

    STATUS = "status"
    INTERIM_RESULT = "interim_result"
    LOG = "log"
    USAGE = "usage"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One thing that happened to a job. ``cursor`` counts from 1 without gaps within the job.

    ``data`` is the status, the encoded interim result, the log line or the usage as JSON; ``level``
    is the name of a log line's level (``STDOUT`` and ``STDERR`` for printed lines). ``attempt`` is
    the attempt that told it, 0 before the first.
    """

    cursor: int
    kind: EventKind
    data: str
    created: datetime
    level: str = ""
    attempt: int = 0

    @property
    def last(self) -> bool:
        """Whether no event comes after this one: it is the job's end."""
        return self.kind is EventKind.STATUS and JobStatus(self.data).final


@dataclass(frozen=True, slots=True)
class JobUsage:
    """What a job has used so far: calls of ``backend.run``, circuits and shots in them."""

    runs: int = 0
    circuits: int = 0
    shots: int = 0


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job ended without a result: a stable code, a sentence, the program's own traceback."""

    code: str
    message: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How a job is to run. ``max_execution_time`` is in seconds; None leaves it to the program.

    ``backend_options`` override the backend's default options for this job. Of one user's jobs
    those of a higher ``priority`` start first. A job that has not started ``start_deadline``
    seconds after it was submitted fails. ``max_attempts`` is how often it may be started if its
    worker is lost; a program's own failure is never tried again.
    ``transpile_cache`` is whether the program's ``transpile`` is served from the worker's cache.
    """

    backend_name: str
    log_level: str = "WARNING"
    tags: tuple[str, ...] = ()
    max_execution_time: float | None = None
    session_id: str | None = None
    session_time: float | None = None
    image: str | None = None
    backend_options: Mapping[str, Any] = field(default_factory=dict)
    transpile_cache: bool = True
    priority: int = 0
    start_deadline: float | None = None
    max_attempts: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """One execution of a program. ``inputs`` and ``result`` are encoded text.

    ``version`` is the digest of the program's version, empty for a plain function. ``attempt``
    counts the starts; it fences off workers of earlier ones. ``beat`` is counted up by who runs the
    job: a beat that stands still is a lost worker. ``isolation`` is the level that the last attempt
    ran at.
    """

    job_id: str
    program_id: str
    options: JobOptions
    inputs: str
    created: datetime
    status: JobStatus = JobStatus.QUEUED
    started: datetime | None = None
    ended: datetime | None = None
    result: str | None = None
    failure: JobFailure | None = None
    usage: JobUsage = field(default_factory=JobUsage)
    owner: str = LOCAL_USER
    version: str = ""
    attempt: int = 0
    beat: int = 0
    isolation: str = ""


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs to list, the newest first; what is None or empty does not narrow.

    ``tags`` asks for jobs that have all of them. ``after`` is the last job's id of the page before.
    ``pending`` asks for those that have not ended (True) or have (False).
    """

    owner: str | None = None
    program_id: str | None = None
    backend_name: str | None = None
    session_id: str | None = None
    status: JobStatus | None = None
    pending: bool | None = None
    tags: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    after: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key that a client chose for one submission, and the digest of what it submitted."""

    owner: str
    key: str
    body_digest: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is to be appended; the store gives it its cursor and time."""

    kind: EventKind
    data: str
    level: str = ""
