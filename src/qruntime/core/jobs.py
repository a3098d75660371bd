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
    JobStatus.QUEUED: frozenset(),
    JobStatus.RUNNING: frozenset({JobStatus.QUEUED}),
    JobStatus.COMPLETED: frozenset({JobStatus.RUNNING}),
    JobStatus.FAILED: frozenset({JobStatus.QUEUED, JobStatus.RUNNING}),
    JobStatus.CANCELLED: frozenset({JobStatus.QUEUED, JobStatus.RUNNING}),
    JobStatus.RAN_TOO_LONG: frozenset({JobStatus.RUNNING}),
}
"""The legal moves: for each state, the states from which a job may come to it."""


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
    is the name of a log line's level (``STDOUT`` and ``STDERR`` for printed lines).
    """

    cursor: int
    kind: EventKind
    data: str
    created: datetime
    level: str = ""


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

    ``backend_options`` override the backend's default options for this job. ``transpile_cache`` is
    whether the program's ``transpile`` is served from the worker's cache.
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


@dataclass(frozen=True, slots=True)
class Job:
    """One execution of a program. ``inputs`` and ``result`` are encoded text."""

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
