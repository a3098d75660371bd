# SPDX-License-Identifier: Apache-2.0
"""Submit, look up, cancel and delete jobs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qruntime import wire
from qruntime.core.jobs import IdempotencyKey, Job, JobEvent, JobOptions, JobQuery, JobStatus
from qruntime.core.programs import ProgramMetadata, ProgramVersion
from qruntime.core.users import Scope
from qruntime.errors import (
    InvalidInputError,
    InvalidStateError,
    UnsupportedOptionError,
)
from qruntime.program.schema import validate, with_defaults
from qruntime.service.access import Caller, need, see_job
from qruntime.service.backends import Backends
from qruntime.service.limits import check_room
from qruntime.service.programs import runnable_version
from qruntime.service.sessions import check_session
from qruntime.store.base import Store


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody asks to be run. ``inputs`` and the backend's options are encoded."""

    program_id: str
    version: str
    inputs: str
    options: JobOptions
    key: IdempotencyKey | None = None


def submit_job(
    store: Store, backends: Backends, caller: Caller, submission: Submission, *, queued_at_most: int
) -> Job:
    """Check a submission and queue its job. When this returns, the job will not be lost.

    Raises:
        ProgramNotFoundError, BackendNotFoundError: there is none of this name.
        InvalidInputError: an input or option is wrong, or this server cannot honour it.
        TooManyRequestsError: the caller has ``queued_at_most`` jobs in the queue.
        IdempotencyConflictError: the key was used for another submission.
        NotAuthorizedError: the caller may not run programs.
    """
    need(caller, Scope.RUN)
    options = submission.options
    if options.image is not None:
        raise UnsupportedOptionError(
            "runtime option 'image' cannot be honoured: this server has one environment"
        )
    program = runnable_version(store, caller, submission.program_id, submission.version)
    backends.check(options, program.metadata.spec)
    waiting = JobQuery(owner=caller.user_id, status=JobStatus.QUEUED, pending=True)
    check_room(store.count_jobs(waiting), queued_at_most)
    return queue_job(store, caller, program, submission.inputs, options, key=submission.key)


def queue_job(
    store: Store,
    caller: Caller,
    program: ProgramVersion,
    inputs: str,
    options: JobOptions,
    *,
    key: IdempotencyKey | None = None,
) -> Job:
    """Queue a job of a program. When this returns, the job will not be lost.

    Raises:
        SchemaViolationError: an input does not fit the program's schema.
        IdempotencyConflictError: the key was used for another submission.
        NotAuthorizedError: the caller may not run programs.
        SessionNotFoundError: the caller has no session of the id that the options name.
        InvalidStateError: that session takes no more jobs.
    """
    need(caller, Scope.RUN)
    check_session(store, caller, options)
    job = Job(
        job_id=uuid.uuid4().hex,
        program_id=program.program_id,
        options=options,
        inputs=checked_inputs(program.metadata, inputs),
        created=store.now(),
        owner=caller.user_id,
        version=program.version,
    )
    return store.add_job(job, key=key)


def queue_function(
    store: Store, caller: Caller, name: str, inputs: str, options: JobOptions
) -> Job:
    """Queue a job of a function that this process will call."""
    job = Job(uuid.uuid4().hex, name, options, inputs, store.now(), owner=caller.user_id)
    return store.add_job(job)


def checked_inputs(metadata: ProgramMetadata, inputs: str) -> str:
    """Return encoded inputs with the schema's defaults filled in.

    Raises:
        SchemaViolationError: an input does not fit the program's schema.
    """
    schema = metadata.spec.parameters
    if not schema:
        _check_object(wire.plain_text(inputs))
        return inputs
    given = wire.plain_text(inputs)
    _check_object(given)
    filled = with_defaults(json.loads(inputs), schema)
    validate(wire.plain_text(json.dumps(filled)), schema, name="inputs")
    return json.dumps(filled)


def _check_object(inputs: Any) -> None:
    if not isinstance(inputs, dict):
        raise InvalidInputError(f"inputs must be an object, not {type(inputs).__name__}")


def time_limit(metadata: ProgramMetadata, options: JobOptions) -> float | None:
    """Return how long a job may run, in seconds: as submitted, else as the program says."""
    return options.max_execution_time or metadata.max_execution_time


def find_job(store: Store, caller: Caller, job_id: str) -> Job:
    """Return a job that the caller may see.

    Raises:
        JobNotFoundError: there is none of this id.
    """
    need(caller, Scope.READ)
    return see_job(caller, store.job(job_id))


def list_jobs(store: Store, caller: Caller, query: JobQuery) -> list[Job]:
    """Return the jobs of a query that the caller may see, the newest first."""
    need(caller, Scope.READ)
    return store.jobs(_visible(caller, query))


def count_jobs(store: Store, caller: Caller, query: JobQuery) -> int:
    """Return how many jobs of a query the caller may see."""
    need(caller, Scope.READ)
    return store.count_jobs(_visible(caller, query))


def _visible(caller: Caller, query: JobQuery) -> JobQuery:
    return query if caller.admin else replace(query, owner=caller.user_id)


def job_events(
    store: Store, caller: Caller, job_id: str, *, after: int = 0, limit: int | None = None
) -> list[JobEvent]:
    """Return a job's events after a cursor.

    Raises:
        JobNotFoundError: there is none of this id.
    """
    find_job(store, caller, job_id)
    return store.events(job_id, after=after, limit=limit)


def set_tags(store: Store, caller: Caller, job_id: str, tags: Sequence[str]) -> Job:
    """Replace a job's tags.

    Raises:
        JobNotFoundError: there is none of this id.
    """
    need(caller, Scope.RUN)
    see_job(caller, store.job(job_id))
    store.set_tags(job_id, tags)
    return store.job(job_id)


def cancel_job(store: Store, caller: Caller, job_id: str) -> Job:
    """Cancel a job that has not ended.

    Raises:
        JobNotFoundError: there is none of this id.
        InvalidStateError: it has ended already.
    """
    need(caller, Scope.RUN)
    see_job(caller, store.job(job_id))
    cancelled = store.move(job_id, JobStatus.CANCELLED)
    if cancelled is None:
        status = store.job(job_id).status
        raise InvalidStateError(f"job '{job_id}' cannot be cancelled: it is {status}")
    return cancelled


def delete_job(store: Store, caller: Caller, job_id: str) -> None:
    """Delete a job that has ended.

    Raises:
        JobNotFoundError: there is none of this id.
        InvalidStateError: it has not ended; cancel it first.
    """
    need(caller, Scope.RUN)
    see_job(caller, store.job(job_id))
    store.delete_job(job_id)
