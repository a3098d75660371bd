# SPDX-License-Identifier: Apache-2.0
"""Submit, cancel and delete jobs."""

from __future__ import annotations

import json
import uuid

from qruntime import wire
from qruntime.core.jobs import Job, JobOptions, JobStatus
from qruntime.core.programs import Program
from qruntime.errors import InvalidStateError
from qruntime.program.schema import validate, with_defaults
from qruntime.store.memory import MemoryStore


def queue_job(store: MemoryStore, program_id: str, inputs: str, options: JobOptions) -> Job:
    """Queue a job whose inputs have been checked."""
    job = Job(
        job_id=uuid.uuid4().hex,
        program_id=program_id,
        options=options,
        inputs=inputs,
        created=store.now(),
    )
    store.add_job(job)
    return job


def checked_inputs(program: Program, inputs: str) -> str:
    """Return encoded inputs with the schema's defaults filled in.

    Raises:
        SchemaViolationError: an input does not fit the program's schema.
    """
    schema = program.metadata.spec.parameters
    if not schema:
        return inputs
    filled = with_defaults(json.loads(inputs), schema)
    validate(wire.plain(wire.decode(json.dumps(filled))), schema, name="inputs")
    return json.dumps(filled)


def cancel_job(store: MemoryStore, job_id: str) -> None:
    """Cancel a job that has not ended.

    Raises:
        JobNotFoundError: there is none of this id.
        InvalidStateError: it has ended already.
    """
    if not store.move(job_id, JobStatus.CANCELLED):
        status = store.job(job_id).status
        raise InvalidStateError(f"job '{job_id}' cannot be cancelled: it is {status}")


def delete_job(store: MemoryStore, job_id: str) -> None:
    """Delete a job that has ended.

    Raises:
        JobNotFoundError: there is none of this id.
        InvalidStateError: it has not ended; cancel it first.
    """
    status = store.job(job_id).status
    if not status.final:
        raise InvalidStateError(f"job '{job_id}' is {status}: cancel it before deleting it")
    store.delete_job(job_id)
