# SPDX-License-Identifier: Apache-2.0
"""``Store``: the record of truth. Every process meets the others here, and nowhere else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qruntime.core.jobs import (
    IdempotencyKey,
    Job,
    JobEvent,
    JobQuery,
    JobStatus,
    JobUsage,
    NewEvent,
)
from qruntime.core.programs import Program, ProgramQuery, ProgramVersion
from qruntime.core.provider_jobs import ProviderJob, ProviderJobState
from qruntime.core.sessions import Session
from qruntime.core.users import ApiKey, AuditEntry, User
from qruntime.store.bell import Bell


@dataclass(frozen=True, slots=True)
class JobState:
    """What the dispatcher needs of a job that has not ended."""

    job_id: str
    status: JobStatus
    owner: str
    backend_name: str
    created: datetime
    attempt: int
    beat: int
    max_attempts: int
    priority: int = 0
    session_id: str | None = None
    start_deadline: float | None = None


class Store(ABC):
    """Holds programs, jobs, sessions, users. Safe from every thread and process that opens it.

    ``bell`` is rung with a job's id at each change of the job, and with ``QUEUE`` when there may be
    something to start, stop or end. Every method is one transaction: it has happened whole, or not
    at all, when it returns or raises. Records are never changed in place.

    Raises:
        StoreError: the database or the object store failed; nothing was changed, unless the
            connection broke at the very end. Every write may then be repeated: what was done the
            first time is not done again, but ``append`` and ``add_audit`` may write twice,
            ``add_program`` may find its own program, and ``move`` may return None because the first
            move happened (the job's attempt and status tell).
        InvalidInputError: an id, a name or a tag is not text that a database can hold.
    """

    bell: Bell

    @abstractmethod
    def now(self) -> datetime:
        """Return the time that records are stamped with, in UTC."""

    # programs -----------------------------------------------------------------------------------

    @abstractmethod
    def add_program(self, program: Program) -> None:
        """Hold a new program and its first version.

        Raises:
            DuplicateProgramError: the id is taken.
        """

    @abstractmethod
    def put_program(self, program: Program, *, expected: Program) -> bool:
        """Replace a program that still is as ``expected``; return whether it was.

        Its current version is added if it is new to the program; versions are never changed. A new
        one gets the next number, whatever number it has, and needs its source.

        Raises:
            ProgramNotFoundError: there is none of this id.
            InvalidInputError: its version is new and has no source.
        """

    @abstractmethod
    def program(self, program_id: str, *, with_source: bool = False) -> Program:
        """Return a program.

        Raises:
            ProgramNotFoundError: there is none of this id.
        """

    @abstractmethod
    def programs(self, query: ProgramQuery) -> list[Program]:
        """Return programs without their sources, in the order of their upload.

        Raises:
            ProgramNotFoundError: the query's ``after`` is not there; it need not fit the query.
        """

    @abstractmethod
    def version(self, program_id: str, version: str) -> ProgramVersion:
        """Return a version with its source.

        Those of a program that has been deleted are found as long as there are jobs that have them.

        Raises:
            ProgramNotFoundError: there is none.
        """

    @abstractmethod
    def versions(self, program_id: str) -> list[ProgramVersion]:
        """Return a program's versions without their sources, the newest first.

        Those of an earlier program of the same id, which was deleted, are not among them.

        Raises:
            ProgramNotFoundError: there is no such program.
        """

    @abstractmethod
    def delete_program(self, program_id: str) -> None:
        """Forget a program. Its versions are kept for jobs, until ``forget_before``.

        Raises:
            ProgramNotFoundError: there is none of this id.
        """

    # jobs ---------------------------------------------------------------------------------------

    @abstractmethod
    def add_job(self, job: Job, *, key: IdempotencyKey | None = None) -> Job:
        """Hold a new job and its first event, durably, and return it.

        If the key was used before by the same owner for the same body, nothing is added and the job
        of then is returned. If there is a job of this id, nothing is added and that is returned.

        Raises:
            IdempotencyConflictError: the key was used for another body.
            JobNotFoundError: the job of then has been deleted since.
        """

    @abstractmethod
    def job(self, job_id: str) -> Job:
        """Return a job whole, its inputs and result with it.

        Raises:
            JobNotFoundError: there is none of this id.
        """

    @abstractmethod
    def jobs(self, query: JobQuery) -> list[Job]:
        """Return jobs, the newest first, with empty ``inputs`` and without ``result``.

        Raises:
            JobNotFoundError: the query's ``after`` is not there; it need not fit the query.
        """

    @abstractmethod
    def count_jobs(self, query: JobQuery) -> int:
        """Return how many jobs a query has in all; its ``after`` and ``limit`` do not count."""

    @abstractmethod
    def delete_job(self, job_id: str) -> None:
        """Forget a job that has ended, with its events.

        Raises:
            JobNotFoundError: there is none of this id.
            InvalidStateError: it has not ended.
        """

    @abstractmethod
    def unfinished(self) -> list[JobState]:
        """Return the jobs that have not ended, the oldest first."""

    @abstractmethod
    def move(
        self, job_id: str, to: JobStatus, *, attempt: int | None = None, **fields: Any
    ) -> Job | None:
        """Move a job to a state, with the fields that go with it; return it as it is then.

        The fields are ``result``, ``failure``, ``usage`` and ``isolation``, and ``events``, which
        are appended before the move's own.

        Returns None, and changes nothing, if the move is not legal from where the job is, if
        ``attempt`` is given and is not the job's, or if there is no such job. Of two ends only the
        first happens. A move to RUNNING counts the attempt up, stamps ``started`` and clears the
        beat; a move to an end stamps ``ended``. The move's event is in the same transaction.
        """

    @abstractmethod
    def set_tags(self, job_id: str, tags: Sequence[str]) -> None:
        """Replace a job's tags.

        Raises:
            JobNotFoundError: there is none of this id.
        """

    @abstractmethod
    def beat(self, attempts: Iterable[tuple[str, int]]) -> set[str]:
        """Count up the beats of running (job, attempt) pairs; return the jobs that still are so."""

    @abstractmethod
    def append(
        self, job_id: str, attempt: int, events: Sequence[NewEvent], usage: JobUsage | None = None
    ) -> bool:
        """Append events of a running attempt, all of them; return whether it is the job's attempt.

        With ``usage``, what the attempt has used so far is written with them. Nothing is appended
        after the job's end or for another attempt than the job's.
        """

    @abstractmethod
    def events(self, job_id: str, *, after: int = 0, limit: int | None = None) -> list[JobEvent]:
        """Return a job's events whose cursor is greater than ``after``, in order.

        Raises:
            JobNotFoundError: there is no such job.
        """

    # jobs at providers --------------------------------------------------------------------------

    @abstractmethod
    def add_provider_job(self, job: ProviderJob) -> bool:
        """Hold what a running attempt is about to submit; return whether it is the job's attempt.

        If there is one of this number already, it stays, and whether it has the same token is
        returned: repeating the same is harmless.
        """

    @abstractmethod
    def set_provider_job(
        self, job: ProviderJob, state: ProviderJobState, provider_job_id: str | None = None
    ) -> None:
        """Write what is known of a provider's job, its id too if given; nothing if it is gone.

        This may happen after its attempt, and after its job's end.
        """

    @abstractmethod
    def provider_jobs(
        self, job_id: str | None = None, *, open_only: bool = False
    ) -> list[ProviderJob]:
        """Return the provider's jobs of a job or of all, in order; they go with their job."""

    # sessions -----------------------------------------------------------------------------------

    @abstractmethod
    def add_session(self, session: Session) -> None:
        """Hold a new session, unless there is one of its id."""

    @abstractmethod
    def session(self, session_id: str) -> Session:
        """Return a session.

        Raises:
            SessionNotFoundError: there is none of this id.
        """

    @abstractmethod
    def sessions(self, *, owner: str | None = None, open_only: bool = False) -> list[Session]:
        """Return sessions, the newest first."""

    @abstractmethod
    def put_session(self, session: Session, *, expected: Session) -> bool:
        """Replace a session that still is as ``expected``; return whether it was."""

    # users --------------------------------------------------------------------------------------

    @abstractmethod
    def put_user(self, user: User) -> None:
        """Hold a user in place of the one of this id, if any."""

    @abstractmethod
    def user(self, user_id: str) -> User:
        """Return a user.

        Raises:
            UserNotFoundError: there is none of this id.
        """

    @abstractmethod
    def users(self) -> list[User]:
        """Return all users by their ids."""

    @abstractmethod
    def put_key(self, key: ApiKey) -> None:
        """Hold a key in place of the one of this id, if any.

        Raises:
            UserNotFoundError: it belongs to nobody.
        """

    @abstractmethod
    def key_by_prefix(self, prefix: str) -> ApiKey | None:
        """Return the key that begins so, if there is one."""

    @abstractmethod
    def keys(self, user_id: str | None = None) -> list[ApiKey]:
        """Return the keys of a user or of all, the oldest first."""

    @abstractmethod
    def add_audit(self, *entries: AuditEntry) -> None:
        """Write entries of the audit log, all of them."""

    @abstractmethod
    def audit(self, *, limit: int = 100) -> list[AuditEntry]:
        """Return the newest entries of the audit log, the newest first."""

    # the store itself ---------------------------------------------------------------------------

    @abstractmethod
    def forget_before(self, moment: datetime) -> int:
        """Delete jobs that ended before a moment, and keys of submissions older than a day of it.

        So are versions of programs deleted before, if no job has them, and large values that
        nothing refers to and nobody has touched for a day. This takes several transactions. Returns
        how many jobs it deleted.
        """

    @abstractmethod
    def check(self) -> None:
        """Write and read something.

        Raises:
            StoreError: that is not possible.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open."""
