# SPDX-License-Identifier: Apache-2.0
"""Jobs in the database: queued, moved, looked up, forgotten."""

# ruff: noqa: D102  each method is described in Store

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, func, insert, or_, select, tuple_, update

from qruntime.core.jobs import (
    SOURCES,
    EventKind,
    IdempotencyKey,
    Job,
    JobQuery,
    JobStatus,
    JobUsage,
    NewEvent,
)
from qruntime.errors import IdempotencyConflictError, InvalidStateError, JobNotFoundError
from qruntime.store.base import JobState
from qruntime.store.bell import QUEUE
from qruntime.store.sql.database import Insert, Transaction
from qruntime.store.sql.events import add_events
from qruntime.store.sql.part import Part
from qruntime.store.sql.rows import (
    decode_text,
    encode_failure,
    encode_text,
    job_of,
    job_values,
    state_of,
)
from qruntime.store.sql.tables import job_tags, jobs, payloads, submissions
from qruntime.store.sql.values import Kept

_BEATS_AT_ONCE = 500
_FORGOTTEN_AT_ONCE = 200
_FINAL = [status for status in JobStatus if status.final]

_PAYLOADS = select(payloads.c.name, payloads.c.data, payloads.c.blob).where(
    payloads.c.job == bindparam("seq")
)
_ADD_PAYLOAD = insert(payloads)
_inputs = payloads.alias("inputs")
_result = payloads.alias("result")
_WHOLE = (
    select(
        jobs,
        _inputs.c.data.label("inputs_data"),
        _inputs.c.blob.label("inputs_blob"),
        _result.c.data.label("result_data"),
        _result.c.blob.label("result_blob"),
    )
    .outerjoin(_inputs, (_inputs.c.job == jobs.c.seq) & (_inputs.c.name == "inputs"))
    .outerjoin(_result, (_result.c.job == jobs.c.seq) & (_result.c.name == "result"))
    .where(jobs.c.job_id == bindparam("wanted"))
)
_UNFINISHED = (
    select(
        jobs.c.job_id,
        jobs.c.status,
        jobs.c.owner,
        jobs.c.backend_name,
        jobs.c.created,
        jobs.c.attempt,
        jobs.c.beat,
        jobs.c.max_attempts,
        jobs.c.priority,
        jobs.c.session_id,
        jobs.c.start_deadline,
    )
    .where(jobs.c.ended.is_(None))
    .order_by(jobs.c.seq)
)


class SqlJobs(Part):
    """The methods of jobs, all but those of their events."""

    def add_job(self, job: Job, *, key: IdempotencyKey | None = None) -> Job:
        def work(transaction: Transaction, kept: list[Kept]) -> str | None:
            if key is not None and (before := self._use_key(transaction, key, job.job_id)):
                return before
            seq = transaction.execute(
                _add(transaction.insert), {**job_values(job), "cursor": 1}
            ).scalar()
            if seq is None:
                return job.job_id
            _set_payload(transaction, seq, "inputs", kept[0])
            if job.result is not None:
                _set_payload(transaction, seq, "result", kept[1])
            _set_tags(transaction, seq, job.options.tags)
            first = NewEvent(EventKind.STATUS, job.status)
            add_events(transaction, seq, 1, job.attempt, self._now(), [first])
            transaction.ring(job.job_id, QUEUE)
            return None

        contents = [encode_text(job.inputs), _encoded(job.result)]
        held = self._values.write(contents, work)
        return job if held is None else self.job(held)

    def _use_key(self, transaction: Transaction, key: IdempotencyKey, job_id: str) -> str | None:
        """Return the job that the key was used for before, or None and use it for this one."""
        values = {**asdict(key), "job_id": job_id, "created": self._now()}
        if transaction.execute(_use(transaction.insert), values).first():
            return None
        query = select(submissions.c.body_digest, submissions.c.job_id).where(
            submissions.c.owner == key.owner, submissions.c.key == key.key
        )
        before = transaction.execute(query).one()
        if before.body_digest != key.body_digest:
            raise IdempotencyConflictError(
                f"the idempotency key '{key.key}' was used for another submission; take a new one"
            )
        return str(before.job_id)

    def job(self, job_id: str) -> Job:
        row = self._database.read(
            lambda transaction: transaction.execute(_WHOLE, {"wanted": job_id}).first()
        )
        if row is None:
            raise _not_found(job_id)
        inputs = self._text(row.inputs_data, row.inputs_blob)
        return job_of(row, inputs or "", self._text(row.result_data, row.result_blob))

    def _text(self, data: bytes | None, blob: str | None) -> str | None:
        value = self._values.load(data, blob)
        return None if value is None else decode_text(value)

    def jobs(self, query: JobQuery) -> list[Job]:
        page = _narrowed(select(jobs), query).order_by(jobs.c.seq.desc()).limit(query.limit)

        def work(transaction: Transaction) -> list[Any]:
            if query.after is None:
                return list(transaction.execute(page))
            seq = transaction.execute(_place(query.after)).scalar()
            if seq is None:
                raise _not_found(query.after)
            return list(transaction.execute(page.where(jobs.c.seq < seq)))

        return [job_of(row) for row in self._database.read(work)]

    def count_jobs(self, query: JobQuery) -> int:
        counted = _narrowed(select(func.count()).select_from(jobs), query)
        return int(self._database.read(lambda done: done.execute(counted).scalar_one()))

    def delete_job(self, job_id: str) -> None:
        one = jobs.c.job_id == job_id

        def work(transaction: Transaction) -> None:
            if transaction.execute(delete(jobs).where(one, jobs.c.status.in_(_FINAL))).rowcount:
                transaction.ring(job_id)
                return
            status = transaction.execute(select(jobs.c.status).where(one)).scalar()
            if status is None:
                raise _not_found(job_id)
            raise InvalidStateError(f"job '{job_id}' is {status}: cancel it before deleting it")

        self._database.write(work)

    def unfinished(self) -> list[JobState]:
        rows = self._database.read(lambda transaction: transaction.execute(_UNFINISHED).all())
        return [state_of(row) for row in rows]

    def move(
        self, job_id: str, to: JobStatus, *, attempt: int | None = None, **fields: Any
    ) -> Job | None:
        result = fields.pop("result", None)
        new = [*fields.pop("events", ()), NewEvent(EventKind.STATUS, to)]
        now = self._now()
        changed = _changed(**fields)
        statement = _move(to, attempt is not None, tuple(changed))
        values = {"wanted": job_id, "fence": attempt, "at": now, "count": len(new)}
        values |= {f"new_{name}": value for name, value in changed.items()}

        def work(transaction: Transaction, kept: list[Kept]) -> Any:
            row = transaction.execute(statement, values).first()
            if row is None:
                return None
            if result is not None:
                _set_payload(transaction, row.seq, "result", kept[0])
            add_events(transaction, row.seq, row.cursor, row.attempt, now, new, kept[1:])
            transaction.ring(job_id, QUEUE)
            return row, transaction.execute(_PAYLOADS, {"seq": row.seq}).all()

        contents = [_encoded(result), *(encode_text(event.data) for event in new)]
        done = self._values.write(contents, work)
        if done is None:
            return None
        texts = {name: self._text(data, blob) for name, data, blob in done[1]}
        return job_of(done[0], texts.get("inputs") or "", texts.get("result"))

    def set_tags(self, job_id: str, tags: Sequence[str]) -> None:
        changed = update(jobs).where(jobs.c.job_id == job_id).returning(jobs.c.seq)

        def work(transaction: Transaction) -> None:
            values = changed.values(tags=json.dumps(list(tags)))
            seq = transaction.execute(values).scalar()
            if seq is None:
                raise _not_found(job_id)
            transaction.execute(delete(job_tags).where(job_tags.c.job == seq))
            _set_tags(transaction, seq, tags)
            transaction.ring(job_id)

        self._database.write(work)

    def beat(self, attempts: Iterable[tuple[str, int]]) -> set[str]:
        pairs = sorted(set(attempts))
        parts = [
            update(jobs)
            .where(jobs.c.status == JobStatus.RUNNING)
            .where(tuple_(jobs.c.job_id, jobs.c.attempt).in_(pairs[start : start + _BEATS_AT_ONCE]))
            .values(beat=jobs.c.beat + 1)
            .returning(jobs.c.job_id)
            for start in range(0, len(pairs), _BEATS_AT_ONCE)
        ]

        def work(transaction: Transaction) -> set[str]:
            return {job_id for part in parts for job_id in transaction.execute(part).scalars()}

        return self._database.write(work) if parts else set()

    def _forget_jobs(self, moment: datetime) -> int:
        """Delete the jobs that ended before a moment, some at a time; return how many."""
        old = (
            select(jobs.c.seq)
            .where(jobs.c.ended.is_not(None), jobs.c.ended < moment)
            .order_by(jobs.c.ended)
            .limit(_FORGOTTEN_AT_ONCE)
        )
        gone = delete(jobs).where(jobs.c.seq.in_(old)).returning(jobs.c.job_id)

        def work(transaction: Transaction) -> int:
            forgotten = transaction.execute(gone).scalars().all()
            transaction.ring(*forgotten)
            return len(forgotten)

        count = 0
        while forgotten := self._database.write(work):
            count += forgotten
        return count


def running(job_id: str, attempt: int) -> Any:
    """Return the condition that a job runs and that this is its attempt."""
    return (
        (jobs.c.job_id == job_id)
        & (jobs.c.status == JobStatus.RUNNING)
        & (jobs.c.attempt == attempt)
    )


@cache
def _add(into: Insert) -> Any:
    return into(jobs).on_conflict_do_nothing(index_elements=["job_id"]).returning(jobs.c.seq)


@cache
def _use(into: Insert) -> Any:
    used = into(submissions).on_conflict_do_nothing(index_elements=["owner", "key"])
    return used.returning(submissions.c.key)


@cache
def _move(to: JobStatus, fenced: bool, changed: tuple[str, ...]) -> Any:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changed}
    values |= {"status": to, "cursor": jobs.c.cursor + bindparam("count")}
    if to is JobStatus.RUNNING:
        values |= {"started": bindparam("at"), "attempt": jobs.c.attempt + 1, "beat": 0}
    if to.final:
        values["ended"] = bindparam("at")
    legal = [jobs.c.status == source for source in sorted(SOURCES[to])]
    moved = (
        update(jobs)
        .where(jobs.c.job_id == bindparam("wanted"), or_(*legal))
        .values(values)
        .returning(jobs)
    )
    return moved.where(jobs.c.attempt == bindparam("fence")) if fenced else moved


def _changed(
    *, failure: Any = None, usage: JobUsage | None = None, isolation: str | None = None
) -> dict[str, Any]:
    values = {} if usage is None else asdict(usage)
    if failure is not None:
        values["failure"] = encode_failure(failure)
    if isolation is not None:
        values["isolation"] = isolation
    return values


def _set_payload(transaction: Transaction, seq: int, name: str, kept: Kept) -> None:
    values = {"job": seq, "name": name, "data": kept.data, "blob": kept.blob}
    transaction.execute(_ADD_PAYLOAD, values)


def _set_tags(transaction: Transaction, seq: int, tags: Sequence[str]) -> None:
    if tags:
        values = [{"job": seq, "tag": tag} for tag in dict.fromkeys(tags)]
        transaction.execute(insert(job_tags), values)


def _encoded(value: str | None) -> bytes | None:
    return None if value is None else encode_text(value)


def _place(job_id: str) -> Select[Any]:
    return select(jobs.c.seq).where(jobs.c.job_id == job_id)


def _narrowed(page: Select[Any], query: JobQuery) -> Select[Any]:
    for column in ("owner", "program_id", "backend_name", "session_id", "status"):
        wanted = getattr(query, column)
        if wanted is not None:
            page = page.where(jobs.c[column] == wanted)
    if query.pending is not None:
        page = page.where(jobs.c.ended.is_(None) if query.pending else jobs.c.ended.is_not(None))
    for tag in query.tags:
        page = page.where(exists().where(job_tags.c.job == jobs.c.seq, job_tags.c.tag == tag))
    if query.created_after is not None:
        page = page.where(jobs.c.created > query.created_after)
    if query.created_before is not None:
        page = page.where(jobs.c.created < query.created_before)
    return page


def _not_found(job_id: str) -> JobNotFoundError:
    return JobNotFoundError(f"no job '{job_id}'")
