# SPDX-License-Identifier: Apache-2.0
"""The events of jobs in the database."""

# ruff: noqa: D102  each method is described in Store

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from qruntime.core.jobs import EventKind, JobEvent, JobStatus, JobUsage, NewEvent
from qruntime.errors import JobNotFoundError
from qruntime.store.sql.database import Transaction
from qruntime.store.sql.part import Part
from qruntime.store.sql.rows import decode_text, encode_text
from qruntime.store.sql.tables import events, jobs
from qruntime.store.sql.values import Kept

_ADD = insert(events)
_COUNT = (
    update(jobs)
    .where(
        jobs.c.job_id == bindparam("wanted"),
        jobs.c.status == JobStatus.RUNNING,
        jobs.c.attempt == bindparam("fence"),
    )
    .values(cursor=jobs.c.cursor + bindparam("count"))
    .returning(jobs.c.seq, jobs.c.cursor)
)
_COUNT_AND_USAGE = _COUNT.values(
    {field.name: bindparam(f"new_{field.name}") for field in fields(JobUsage)}
)
_PAGE = (
    select(events)
    .join(jobs, jobs.c.seq == events.c.job)
    .where(jobs.c.job_id == bindparam("wanted"), events.c.cursor > bindparam("after"))
    .order_by(events.c.cursor)
)


class SqlEvents(Part):
    """The methods of events."""

    def append(
        self, job_id: str, attempt: int, events: Sequence[NewEvent], usage: JobUsage | None = None
    ) -> bool:
        values = {"wanted": job_id, "fence": attempt, "count": len(events)}
        counted = _COUNT
        if usage is not None:
            counted = _COUNT_AND_USAGE
            values |= {f"new_{name}": value for name, value in asdict(usage).items()}

        def work(transaction: Transaction, kept: list[Kept]) -> bool:
            row = transaction.execute(counted, values).first()
            if row is None:
                return False
            add_events(transaction, row.seq, row.cursor, attempt, self._now(), events, kept)
            transaction.ring(job_id)
            return True

        return self._values.write([encode_text(event.data) for event in events], work)

    def events(self, job_id: str, *, after: int = 0, limit: int | None = None) -> list[JobEvent]:
        page = _PAGE.limit(limit)
        values = {"wanted": job_id, "after": after}
        rows = self._database.read(lambda transaction: transaction.execute(page, values).all())
        if not rows:
            self._need_job(job_id)
        return [
            JobEvent(
                row.cursor,
                EventKind(row.kind),
                decode_text(self._values.load(row.data, row.blob) or b""),
                row.created,
                row.level,
                row.attempt,
            )
            for row in rows
        ]

    def _need_job(self, job_id: str) -> None:
        query = select(jobs.c.seq).where(jobs.c.job_id == job_id)
        if self._database.read(lambda transaction: transaction.execute(query).first()) is None:
            raise JobNotFoundError(f"no job '{job_id}'")


def add_events(
    transaction: Transaction,
    seq: int,
    last: int,
    attempt: int,
    now: datetime,
    new: Sequence[NewEvent],
    kept: Sequence[Kept] | None = None,
) -> None:
    """Add the events of a job that end at the cursor ``last``; ``kept`` is where their data is."""
    places = kept or [Kept(encode_text(event.data)) for event in new]
    values = [
        {
            "job": seq,
            "cursor": last - len(new) + 1 + number,
            "kind": event.kind,
            "level": event.level,
            "attempt": attempt,
            "created": now,
            "data": place.data,
            "blob": place.blob,
        }
        for number, (event, place) in enumerate(zip(new, places, strict=True))
    ]
    if values:
        transaction.execute(_ADD, values)
