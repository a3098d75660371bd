# SPDX-License-Identifier: Apache-2.0
"""``/jobs``: submit, look up, follow, cancel, delete."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, StreamingResponse

from qruntime.api.errors import CONFLICT
from qruntime.api.events import stream, wait_for_events
from qruntime.api.parts import CallerDep, PartsDep
from qruntime.core.jobs import EventKind, IdempotencyKey, JobQuery, JobStatus
from qruntime.errors import InvalidStateError
from qruntime.service import jobs
from qruntime.wire.schemas import EventDocument, JobDocument, JobSubmission, TagsBody

router = APIRouter(prefix="/jobs", tags=["jobs"])

_LONGEST_WAIT_SECONDS = 30.0
_JSON = "application/json"
_EVENT_STREAM = "text/event-stream"

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=128,
        description="Chosen by you, once for each job: repeating a submission with its key gives "
        "the job that there is. Kept for a day at least.",
    ),
]
Cursor = Annotated[int, Query(ge=0, description="The cursor of the last event that you have.")]


@router.post("", status_code=201, responses=CONFLICT)
def submit_job(
    body: JobSubmission, response: Response, parts: PartsDep, caller: CallerDep, key: Key = None
) -> JobDocument:
    """Queue a job. When this has answered, the job survives every crash."""
    held = None
    if key is not None:
        digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
        held = IdempotencyKey(caller.user_id, key, digest)
    job = jobs.submit_job(
        parts.store,
        parts.backends,
        caller,
        jobs.Submission(
            body.program_id, body.version, body.inputs_text(), body.options.to_core(), held
        ),
        queued_at_most=parts.limits.queued_jobs,
    )
    response.headers["Location"] = f"/api/v1/jobs/{job.job_id}"
    return JobDocument.of(job)


@router.get("")
def list_jobs(  # noqa: PLR0913  one parameter for each filter of the query string
    response: Response,
    parts: PartsDep,
    caller: CallerDep,
    *,
    program_id: str | None = None,
    backend_name: str | None = None,
    session_id: str | None = None,
    status: JobStatus | None = None,
    pending: Annotated[bool | None, Query(description="Not ended yet, or ended.")] = None,
    tag: Annotated[list[str] | None, Query(description="All of these.")] = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    owner: Annotated[str | None, Query(description="For administrators.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(description="The last id of the page before.")] = None,
) -> list[JobDocument]:
    """List jobs, the newest first. `X-Total-Count` is how many there are in all."""
    query = JobQuery(
        owner=owner,
        program_id=program_id,
        backend_name=backend_name,
        session_id=session_id,
        status=status,
        pending=pending,
        tags=tuple(tag or ()),
        created_after=created_after,
        created_before=created_before,
        after=after or None,
        limit=limit,
    )
    response.headers["X-Total-Count"] = str(jobs.count_jobs(parts.store, caller, query))
    found = jobs.list_jobs(parts.store, caller, query)
    return [JobDocument.of(job) for job in found]


@router.get("/{job_id}")
def get_job(job_id: str, parts: PartsDep, caller: CallerDep) -> JobDocument:
    """Get a job as it is now."""
    job = jobs.find_job(parts.store, caller, job_id)
    made = JobDocument.of(job)
    standing = parts.positions().get(job_id) if job.status is JobStatus.QUEUED else None
    if standing is not None:
        made.position, made.starts_in = standing.place, standing.starts_in
    return made


@router.get("/{job_id}/inputs", response_class=Response, responses={200: {"content": {_JSON: {}}}})
def get_inputs(job_id: str, parts: PartsDep, caller: CallerDep) -> Response:
    """Get a job's inputs as they were submitted, schema defaults filled in."""
    job = jobs.find_job(parts.store, caller, job_id)
    return Response(job.inputs, media_type=_JSON)


@router.get(
    "/{job_id}/result",
    response_class=Response,
    responses={**CONFLICT, 200: {"content": {_JSON: {}}}},
)
def get_result(job_id: str, parts: PartsDep, caller: CallerDep) -> Response:
    """Get the result of a job that has completed, in the encoding of RuntimeEncoder."""
    job = jobs.find_job(parts.store, caller, job_id)
    if job.status is not JobStatus.COMPLETED:
        raise InvalidStateError(f"job '{job_id}' has no result: it is {job.status}")
    return Response(job.result or "null", media_type=_JSON)


@router.post("/{job_id}/cancel", responses=CONFLICT)
def cancel_job(job_id: str, parts: PartsDep, caller: CallerDep) -> JobDocument:
    """Cancel a job that has not ended."""
    return JobDocument.of(jobs.cancel_job(parts.store, caller, job_id))


@router.delete("/{job_id}", status_code=204, responses=CONFLICT)
def delete_job(job_id: str, parts: PartsDep, caller: CallerDep) -> None:
    """Delete a job that has ended, with its events."""
    jobs.delete_job(parts.store, caller, job_id)


@router.put("/{job_id}/tags")
def set_tags(job_id: str, body: TagsBody, parts: PartsDep, caller: CallerDep) -> JobDocument:
    """Replace a job's tags."""
    return JobDocument.of(jobs.set_tags(parts.store, caller, job_id, body.tags))


@router.get("/{job_id}/logs", response_class=PlainTextResponse)
def get_logs(job_id: str, parts: PartsDep, caller: CallerDep) -> str:
    """Get what the program printed and logged so far, a line each."""
    found = jobs.job_events(parts.store, caller, job_id)
    return "".join(f"{event.data}\n" for event in found if event.kind is EventKind.LOG)


@router.get("/{job_id}/events")
async def get_events(
    job_id: str,
    parts: PartsDep,
    caller: CallerDep,
    after: Cursor = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    wait: Annotated[
        float, Query(ge=0, le=_LONGEST_WAIT_SECONDS, description="Seconds to wait for one.")
    ] = 0,
) -> list[EventDocument]:
    """Get a job's events after a cursor: for clients and proxies that cannot stream."""
    await run_in_threadpool(jobs.find_job, parts.store, caller, job_id)
    found = await wait_for_events(parts.store, job_id, after, wait, limit=limit)
    return [EventDocument.of(event) for event in found]


@router.get(
    "/{job_id}/stream",
    response_class=StreamingResponse,
    responses={
        200: {"content": {_EVENT_STREAM: {"schema": {"type": "string"}}}},
        204: {"description": "The job has ended and you have all of its events."},
    },
)
async def stream_events(
    job_id: str,
    parts: PartsDep,
    caller: CallerDep,
    after: Cursor = 0,
    last_event_id: Annotated[
        int | None, Header(ge=0, description="The same, as a browser sends it.")
    ] = None,
) -> Response:
    """Follow a job: states, interim results and log lines as server-sent events, to its end.

    Each event's id is its cursor. Cut off, go on with the last one, also after the job's end.
    """
    job = await run_in_threadpool(jobs.find_job, parts.store, caller, job_id)
    cursor = after if last_event_id is None else last_event_id
    if job.status.final:
        rest = await run_in_threadpool(parts.store.events, job_id, after=cursor, limit=1)
        if not rest:
            return Response(status_code=204)
    return StreamingResponse(
        stream(parts.store, job_id, cursor),
        media_type=_EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
