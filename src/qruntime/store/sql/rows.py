# SPDX-License-Identifier: Apache-2.0
"""How programs, jobs, sessions and users are written in rows, and read from them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from qruntime import wire
from qruntime.core.jobs import Job, JobFailure, JobOptions, JobStatus, JobUsage
from qruntime.core.programs import (
    Program,
    ProgramMetadata,
    ProgramSource,
    ProgramSpec,
    ProgramVersion,
)
from qruntime.core.sessions import Session, SessionMode
from qruntime.core.users import ApiKey, AuditEntry, Role, Scope, User
from qruntime.store.base import JobState

Row = Any
"""A row of a result, whose columns are its attributes."""

_COLUMNS_OF_OPTIONS = (
    "backend_name",
    "session_id",
    "priority",
    "start_deadline",
    "max_attempts",
)
_REST_OF_OPTIONS = ("log_level", "max_execution_time", "session_time", "image")


def encode_text(value: str) -> bytes:
    """Return text as bytes, whatever is in it: a program prints what it likes."""
    return value.encode("utf-8", "surrogatepass")


def decode_text(value: bytes) -> str:
    """Return the text that ``encode_text`` wrote."""
    return value.decode("utf-8", "surrogatepass")


def job_values(job: Job) -> dict[str, Any]:
    """Return the columns of a job, all but its place in the order of jobs and its last cursor."""
    options = job.options
    rest = {name: getattr(options, name) for name in _REST_OF_OPTIONS}
    if options.backend_options:
        rest["backend_options"] = wire.encode(dict(options.backend_options))
    return {
        "job_id": job.job_id,
        "program_id": job.program_id,
        "version": job.version,
        "owner": job.owner,
        "status": job.status,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "attempt": job.attempt,
        "beat": job.beat,
        "isolation": job.isolation,
        "options": json.dumps(rest),
        "tags": json.dumps(options.tags),
        "failure": encode_failure(job.failure),
        **asdict(job.usage),
        **{name: getattr(options, name) for name in _COLUMNS_OF_OPTIONS},
    }


def encode_failure(failure: JobFailure | None) -> str | None:
    """Return why a job failed as text."""
    return None if failure is None else json.dumps(asdict(failure))


def job_of(row: Row, inputs: str = "", result: str | None = None) -> Job:
    """Return the job of a row."""
    rest = json.loads(row.options)
    if "backend_options" in rest:
        rest["backend_options"] = wire.decode(rest["backend_options"])
    options = JobOptions(
        tags=tuple(json.loads(row.tags)),
        **rest,
        **{name: getattr(row, name) for name in _COLUMNS_OF_OPTIONS},
    )
    return Job(
        job_id=row.job_id,
        program_id=row.program_id,
        options=options,
        inputs=inputs,
        created=row.created,
        status=JobStatus(row.status),
        started=row.started,
        ended=row.ended,
        result=result,
        failure=None if row.failure is None else JobFailure(**json.loads(row.failure)),
        usage=JobUsage(row.runs, row.circuits, row.shots),
        owner=row.owner,
        version=row.version,
        attempt=row.attempt,
        beat=row.beat,
        isolation=row.isolation,
    )


def state_of(row: Row) -> JobState:
    """Return the state of a job from a row with the columns that JobState has."""
    job_id, status, *rest = row
    return JobState(job_id, JobStatus(status), *rest)


def program_values(program: Program) -> dict[str, Any]:
    """Return the columns of a program."""
    said = program.metadata
    searched = "\n".join((program.program_id, said.name, said.description)).lower()
    return {
        "program_id": program.program_id,
        "version": program.current.version,
        "owner": program.owner,
        "public": program.public,
        "tags": json.dumps(dict(program.tags)),
        "searched": searchable(searched),
        "created": program.created,
        "updated": program.updated,
    }


def searchable(words: str) -> str:
    """Return words as they are searched for: in lower case, without what PostgreSQL cannot hold."""
    return words.lower().replace("\0", "?").encode("utf-8", "replace").decode()


def program_of(row: Row, current: ProgramVersion) -> Program:
    """Return the program of a row."""
    return Program(
        program_id=row.program_id,
        current=current,
        created=row.created,
        updated=row.updated,
        owner=row.owner,
        public=row.public,
        tags=json.loads(row.tags),
    )


def version_values(version: ProgramVersion) -> dict[str, Any]:
    """Return the columns of a version, without its source."""
    return {
        "program_id": version.program_id,
        "version": version.version,
        "number": version.number,
        "metadata": json.dumps(asdict(version.metadata), default=dict),
        "created": version.created,
    }


def version_of_row(row: Mapping[str, Any], source: ProgramSource | None = None) -> ProgramVersion:
    """Return the version of a row's mapping."""
    said = json.loads(row["metadata"])
    metadata = ProgramMetadata(**{**said, "spec": ProgramSpec(**said["spec"])})
    return ProgramVersion(
        program_id=row["program_id"],
        version=row["version"],
        number=row["number"],
        metadata=metadata,
        created=row["created"],
        source=source,
    )


def encode_source(source: ProgramSource) -> bytes:
    """Return a program's files as one value."""
    files = {path: base64.b64encode(held).decode() for path, held in source.files.items()}
    held = {"entry_point": source.entry_point, "files": files}
    return json.dumps({**held, "lock": source.lock} if source.lock else held).encode()


def decode_source(value: bytes) -> ProgramSource:
    """Return the files that ``encode_source`` wrote."""
    said = json.loads(value)
    files = {path: base64.b64decode(held) for path, held in said["files"].items()}
    return ProgramSource(files, said["entry_point"], said.get("lock", ""))


def session_of(row: Row) -> Session:
    """Return the session of a row."""
    values = {**row._mapping, "mode": SessionMode(row.mode)}
    del values["seq"]
    return Session(**values)


def user_of(row: Row) -> User:
    """Return the user of a row."""
    return User(**{**row._mapping, "role": Role(row.role)})


def key_values(key: ApiKey) -> dict[str, Any]:
    """Return the columns of a key."""
    values = {name: getattr(key, name) for name in ApiKey.__dataclass_fields__}
    return {**values, "scopes": json.dumps(sorted(key.scopes))}


def key_of(row: Row) -> ApiKey:
    """Return the key of a row."""
    scopes = frozenset(Scope(scope) for scope in json.loads(row.scopes))
    values = {**row._mapping, "scopes": scopes}
    del values["seq"]
    return ApiKey(**values)


def audit_entry_of(row: Row) -> AuditEntry:
    """Return the entry of a row of the audit log."""
    return AuditEntry(row.at, row.user_id, row.action, row.target, row.outcome)
