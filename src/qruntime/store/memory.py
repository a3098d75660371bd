# SPDX-License-Identifier: Apache-2.0
"""A store that lives as long as the process."""

# ruff: noqa: D102  each method is described in Store

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from qruntime.core.jobs import (
    SOURCES,
    EventKind,
    IdempotencyKey,
    Job,
    JobEvent,
    JobQuery,
    JobStatus,
    JobUsage,
    NewEvent,
)
from qruntime.core.programs import Program, ProgramQuery, ProgramVersion
from qruntime.core.provider_jobs import ProviderJob
from qruntime.core.sessions import Session
from qruntime.core.users import ApiKey, AuditEntry, User
from qruntime.errors import (
    DuplicateProgramError,
    IdempotencyConflictError,
    InvalidInputError,
    InvalidStateError,
    JobNotFoundError,
    ProgramNotFoundError,
    SessionNotFoundError,
    UserNotFoundError,
)
from qruntime.store.base import JobState
from qruntime.store.bell import QUEUE, Bell
from qruntime.store.memory_provider_jobs import MemoryProviderJobs

Item = TypeVar("Item")

_FIELDS_OF_MOVES = {"result", "failure", "usage", "isolation", "events"}


class MemoryStore(MemoryProviderJobs):
    """Holds everything in this process: for a runtime in the user's own process, and for tests."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._programs: dict[str, Program] = {}
        self._versions: dict[str, list[ProgramVersion]] = {}
        self._withdrawn: dict[tuple[str, str], datetime] = {}
        self._jobs: dict[str, Job] = {}
        self._unfinished: dict[str, None] = {}
        self._events: dict[str, list[JobEvent]] = {}
        self._provider_jobs: dict[tuple[str, int, int], ProviderJob] = {}
        self._submissions: dict[tuple[str, str], tuple[str, str, datetime]] = {}
        self._sessions: dict[str, Session] = {}
        self._users: dict[str, User] = {}
        self._keys: dict[str, ApiKey] = {}
        self._audit: list[AuditEntry] = []
        self.bell = Bell()

    def now(self) -> datetime:
        return self._now()

    def add_program(self, program: Program) -> None:
        with self._lock:
            if program.program_id in self._programs:
                raise DuplicateProgramError(
                    f"there is a program '{program.program_id}' already; update it with "
                    "update_program(), or upload under another name",
                    program_id=program.program_id,
                )
            self._keep(program)

    def put_program(self, program: Program, *, expected: Program) -> bool:
        with self._lock:
            if _listed(self.program(program.program_id)) != _listed(expected):
                return False
            self._keep(program)
            return True

    def _keep(self, program: Program) -> None:
        versions = self._versions.setdefault(program.program_id, [])
        current = next((v for v in versions if v.version == program.current.version), None)
        self._withdrawn.pop((program.program_id, program.current.version), None)
        if current is None:
            if program.current.source is None:
                raise InvalidInputError("a version that is new to its program needs its source")
            number = 1 + max((v.number for v in versions), default=0)
            current = replace(program.current, number=number)
            versions.append(current)
        self._programs[program.program_id] = replace(program, current=current)

    def program(self, program_id: str, *, with_source: bool = False) -> Program:
        with self._lock:
            if program_id not in self._programs:
                raise ProgramNotFoundError(f"no program '{program_id}'")
            program = self._programs[program_id]
            return program if with_source else _listed(program)

    def programs(self, query: ProgramQuery) -> list[Program]:
        with self._lock:
            if query.after is not None:
                self.program(query.after)
            found = [_listed(program) for program in _after(self._programs, query.after)]
        if query.visible_to is not None:
            found = [p for p in found if p.public or p.owner == query.visible_to]
        wanted = query.search.lower()
        found = [
            program
            for program in found
            if wanted
            in "\n".join(
                (program.program_id, program.metadata.name, program.metadata.description)
            ).lower()
        ]
        return found[: query.limit]

    def version(self, program_id: str, version: str) -> ProgramVersion:
        with self._lock:
            for held in self._versions.get(program_id, ()):
                if held.version == version:
                    return held
        raise ProgramNotFoundError(f"no version '{version}' of a program '{program_id}'")

    def versions(self, program_id: str) -> list[ProgramVersion]:
        with self._lock:
            self.program(program_id)
            return [
                replace(held, source=None)
                for held in reversed(self._versions[program_id])
                if (program_id, held.version) not in self._withdrawn
            ]

    def delete_program(self, program_id: str) -> None:
        with self._lock:
            self.program(program_id)
            del self._programs[program_id]
            for held in self._versions[program_id]:
                self._withdrawn.setdefault((program_id, held.version), self._now())

    def add_job(self, job: Job, *, key: IdempotencyKey | None = None) -> Job:
        with self._lock:
            if key is not None:
                before = self._submissions.get((key.owner, key.key))
                if before is not None:
                    if before[0] != key.body_digest:
                        raise IdempotencyConflictError(
                            f"the idempotency key '{key.key}' was used for another submission; "
                            "take a new one"
                        )
                    return self.job(before[1])
                self._submissions[key.owner, key.key] = (key.body_digest, job.job_id, self._now())
            if job.job_id in self._jobs:
                return self._jobs[job.job_id]
            self._jobs[job.job_id] = job
            self._unfinished[job.job_id] = None
            self._events[job.job_id] = []
            self._add_events(job, NewEvent(EventKind.STATUS, job.status))
        self._ring(job.job_id, QUEUE)
        return job

    def job(self, job_id: str) -> Job:
        with self._lock:
            if job_id not in self._jobs:
                raise JobNotFoundError(f"no job '{job_id}'")
            return self._jobs[job_id]

    def jobs(self, query: JobQuery) -> list[Job]:
        with self._lock:
            if query.after is not None:
                self.job(query.after)
            newest_first = dict(reversed(self._jobs.items()))
            found = [job for job in _after(newest_first, query.after) if _matches(job, query)]
        return [replace(job, inputs="", result=None) for job in found[: query.limit]]

    def count_jobs(self, query: JobQuery) -> int:
        with self._lock:
            return sum(_matches(job, query) for job in self._jobs.values())

    def delete_job(self, job_id: str) -> None:
        with self._lock:
            status = self.job(job_id).status
            if not status.final:
                raise InvalidStateError(f"job '{job_id}' is {status}: cancel it before deleting it")
            del self._jobs[job_id], self._events[job_id]
            self._forget_provider_jobs(job_id)
        self._ring(job_id)

    def unfinished(self) -> list[JobState]:
        with self._lock:
            return [_state(self._jobs[job_id]) for job_id in self._unfinished]

    def move(
        self, job_id: str, to: JobStatus, *, attempt: int | None = None, **fields: Any
    ) -> Job | None:
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.status not in SOURCES[to] or attempt not in (None, job.attempt):
                return None
            if not set(fields) <= _FIELDS_OF_MOVES:
                raise TypeError(f"a move has these fields: {', '.join(sorted(_FIELDS_OF_MOVES))}")
            self._add_events(job, *fields.pop("events", ()))
            if to is JobStatus.RUNNING:
                fields |= {"started": self._now(), "attempt": job.attempt + 1, "beat": 0}
            if to.final:
                fields["ended"] = self._now()
                del self._unfinished[job_id]
            moved = replace(job, status=to, **fields)
            self._jobs[job_id] = moved
            self._add_events(moved, NewEvent(EventKind.STATUS, to))
        self._ring(job_id, QUEUE)
        return moved

    def set_tags(self, job_id: str, tags: Sequence[str]) -> None:
        with self._lock:
            job = self.job(job_id)
            options = replace(job.options, tags=tuple(tags))
            self._jobs[job_id] = replace(job, options=options)
        self._ring(job_id)

    def beat(self, attempts: Iterable[tuple[str, int]]) -> set[str]:
        with self._lock:
            alive = {job_id for job_id, attempt in attempts if self._runs(job_id, attempt)}
            for job_id in alive:
                job = self._jobs[job_id]
                self._jobs[job_id] = replace(job, beat=job.beat + 1)
            return alive

    def append(
        self, job_id: str, attempt: int, events: Sequence[NewEvent], usage: JobUsage | None = None
    ) -> bool:
        with self._lock:
            if not self._runs(job_id, attempt):
                return False
            job = self._jobs[job_id]
            self._jobs[job_id] = replace(job, usage=usage or job.usage)
            self._add_events(job, *events)
        self._ring(job_id)
        return True

    def _add_events(self, job: Job, *added: NewEvent) -> None:
        events = self._events[job.job_id]
        for new in added:
            cursor = len(events) + 1
            events.append(JobEvent(cursor, new.kind, new.data, self._now(), new.level, job.attempt))

    def events(self, job_id: str, *, after: int = 0, limit: int | None = None) -> list[JobEvent]:
        with self._lock:
            self.job(job_id)
            return self._events[job_id][after : None if limit is None else after + limit]

    def add_session(self, session: Session) -> None:
        with self._lock:
            self._sessions.setdefault(session.session_id, session)
        self._ring(QUEUE)

    def session(self, session_id: str) -> Session:
        with self._lock:
            if session_id not in self._sessions:
                raise SessionNotFoundError(f"no session '{session_id}'")
            return self._sessions[session_id]

    def sessions(self, *, owner: str | None = None, open_only: bool = False) -> list[Session]:
        with self._lock:
            return [
                session
                for session in reversed(self._sessions.values())
                if owner in (None, session.owner) and not (open_only and session.closed)
            ]

    def put_session(self, session: Session, *, expected: Session) -> bool:
        with self._lock:
            if self.session(session.session_id) != expected:
                return False
            self._sessions[session.session_id] = session
        self._ring(QUEUE)
        return True

    def put_user(self, user: User) -> None:
        with self._lock:
            self._users[user.user_id] = user

    def user(self, user_id: str) -> User:
        with self._lock:
            if user_id not in self._users:
                raise UserNotFoundError(f"no user '{user_id}'")
            return self._users[user_id]

    def users(self) -> list[User]:
        with self._lock:
            return [self._users[user_id] for user_id in sorted(self._users)]

    def put_key(self, key: ApiKey) -> None:
        with self._lock:
            self.user(key.user_id)
            self._keys[key.key_id] = key

    def key_by_prefix(self, prefix: str) -> ApiKey | None:
        with self._lock:
            return next((key for key in self._keys.values() if key.prefix == prefix), None)

    def keys(self, user_id: str | None = None) -> list[ApiKey]:
        with self._lock:
            return [key for key in self._keys.values() if user_id in (None, key.user_id)]

    def add_audit(self, *entries: AuditEntry) -> None:
        with self._lock:
            self._audit += entries

    def audit(self, *, limit: int = 100) -> list[AuditEntry]:
        with self._lock:
            return self._audit[::-1][:limit]

    def forget_before(self, moment: datetime) -> int:
        with self._lock:
            old = [job_id for job_id, job in self._jobs.items() if job.ended and job.ended < moment]
            for job_id in old:
                self.delete_job(job_id)
            self._forget_withdrawn(moment)
            kept_from = moment - timedelta(days=1)
            self._submissions = {
                key: held for key, held in self._submissions.items() if held[2] >= kept_from
            }
            return len(old)

    def _forget_withdrawn(self, moment: datetime) -> None:
        had = {(job.program_id, job.version) for job in self._jobs.values()}
        gone = {key for key, since in self._withdrawn.items() if since < moment} - had
        for key in gone:
            del self._withdrawn[key]
        for program_id, held in self._versions.items():
            self._versions[program_id] = [v for v in held if (program_id, v.version) not in gone]

    def check(self) -> None:
        """Do nothing: memory is there."""

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _ring(self, *topics: str) -> None:
        for topic in topics:
            self.bell.ring(topic)


def _listed(program: Program) -> Program:
    return replace(program, current=replace(program.current, source=None))


def _after(items: Mapping[str, Item], key: str | None) -> list[Item]:
    keys = list(items)
    first = 0 if key is None else keys.index(key) + 1
    return [items[each] for each in keys[first:]]


def _matches(job: Job, query: JobQuery) -> bool:
    options = job.options
    return (
        query.owner in (None, job.owner)
        and query.program_id in (None, job.program_id)
        and query.backend_name in (None, options.backend_name)
        and query.session_id in (None, options.session_id)
        and query.status in (None, job.status)
        and (query.pending is None or query.pending is not job.status.final)
        and set(query.tags) <= set(options.tags)
        and (query.created_after is None or job.created > query.created_after)
        and (query.created_before is None or job.created < query.created_before)
    )


def _state(job: Job) -> JobState:
    options = job.options
    return JobState(
        job.job_id,
        job.status,
        job.owner,
        options.backend_name,
        job.created,
        job.attempt,
        job.beat,
        options.max_attempts,
        options.priority,
        options.session_id,
        options.start_deadline,
    )
