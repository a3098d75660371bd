# SPDX-License-Identifier: Apache-2.0
"""A store that lives as long as the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from qruntime.core.jobs import SOURCES, EventKind, Job, JobEvent, JobStatus
from qruntime.core.programs import Program
from qruntime.errors import DuplicateProgramError, JobNotFoundError, ProgramNotFoundError


class MemoryStore:
    """Holds programs and jobs. Safe from any thread; ``changed`` is notified at every change."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._programs: dict[str, Program] = {}
        self._jobs: dict[str, Job] = {}
        self._events: dict[str, list[JobEvent]] = {}
        self.changed = threading.Condition()

    def now(self) -> datetime:
        """Return the time that records are stamped with."""
        return self._now()

    def add_program(self, program: Program) -> None:
        """Hold a new program.

        Raises:
            DuplicateProgramError: the id is taken.
        """
        with self.changed:
            if program.program_id in self._programs:
                raise DuplicateProgramError(
                    f"there is a program '{program.program_id}' already; update it with "
                    "update_program(), or upload under another name"
                )
            self._programs[program.program_id] = program

    def put_program(self, program: Program) -> None:
        """Replace a program that is held.

        Raises:
            ProgramNotFoundError: it is not held.
        """
        with self.changed:
            self.program(program.program_id)
            self._programs[program.program_id] = program

    def program(self, program_id: str) -> Program:
        """Return a program.

        Raises:
            ProgramNotFoundError: there is none of this id.
        """
        with self.changed:
            if program_id not in self._programs:
                known = ", ".join(sorted(self._programs)) or "none yet"
                raise ProgramNotFoundError(f"no program '{program_id}'; known: {known}")
            return self._programs[program_id]

    def programs(self) -> list[Program]:
        """Return all programs, in the order of their upload."""
        with self.changed:
            return list(self._programs.values())

    def delete_program(self, program_id: str) -> None:
        """Forget a program.

        Raises:
            ProgramNotFoundError: there is none of this id.
        """
        with self.changed:
            self.program(program_id)
            del self._programs[program_id]

    def add_job(self, job: Job) -> None:
        """Hold a new job and record its first state."""
        with self.changed:
            self._jobs[job.job_id] = job
            self._events[job.job_id] = []
            self.append(job.job_id, EventKind.STATUS, job.status)

    def job(self, job_id: str) -> Job:
        """Return a job as it is now.

        Raises:
            JobNotFoundError: there is none of this id.
        """
        with self.changed:
            if job_id not in self._jobs:
                raise JobNotFoundError(f"no job '{job_id}'")
            return self._jobs[job_id]

    def jobs(self) -> list[Job]:
        """Return all jobs, the oldest first."""
        with self.changed:
            return list(self._jobs.values())

    def delete_job(self, job_id: str) -> None:
        """Forget a job and its events.

        Raises:
            JobNotFoundError: there is none of this id.
        """
        with self.changed:
            self.job(job_id)
            del self._jobs[job_id], self._events[job_id]

    def move(self, job_id: str, to: JobStatus, **fields: Any) -> bool:
        """Move a job to a state if that is legal from where it is, with the fields that go with it.

        Returns whether it moved. Of two moves to a final state only the first succeeds.
        """
        with self.changed:
            job = self._jobs.get(job_id)
            if job is None or job.status not in SOURCES[to]:
                return False
            if to is JobStatus.RUNNING:
                fields["started"] = self._now()
            if to.final:
                fields["ended"] = self._now()
            self._jobs[job_id] = replace(job, status=to, **fields)
            self.append(job_id, EventKind.STATUS, to)
            return True

    def record(self, job_id: str, **fields: Any) -> None:
        """Write fields of a job that is running; a late write to an ended one is dropped."""
        with self.changed:
            job = self._jobs.get(job_id)
            if job is not None and not job.status.final:
                self._jobs[job_id] = replace(job, **fields)
                self.changed.notify_all()

    def append(self, job_id: str, kind: EventKind, data: str, level: str = "") -> None:
        """Append an event to a job; after its end only its last state is appended."""
        with self.changed:
            events = self._events.get(job_id)
            if events is None:
                return
            if kind is not EventKind.STATUS and self._jobs[job_id].status.final:
                return
            events.append(JobEvent(len(events) + 1, kind, data, self._now(), level))
            self.changed.notify_all()

    def events(self, job_id: str, *, after: int = 0) -> list[JobEvent]:
        """Return a job's events whose cursor is greater than ``after``.

        Raises:
            JobNotFoundError: there is no such job.
        """
        with self.changed:
            self.job(job_id)
            return self._events[job_id][after:]

    def wait_for(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until the condition holds, looked at after every change; return whether it does."""
        with self.changed:
            return self.changed.wait_for(condition, timeout)
