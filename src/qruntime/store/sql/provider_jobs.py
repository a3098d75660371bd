# SPDX-License-Identifier: Apache-2.0
"""The provider's jobs in the database."""

# ruff: noqa: D102  each method is described in Store

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from qruntime.core.provider_jobs import OPEN, ProviderJob, ProviderJobState
from qruntime.store.sql.database import Transaction
from qruntime.store.sql.jobs import running
from qruntime.store.sql.part import Part
from qruntime.store.sql.tables import jobs, provider_jobs


class SqlProviderJobs(Part):
    """The methods of provider's jobs."""

    def add_provider_job(self, job: ProviderJob) -> bool:
        attempt = select(jobs.c.seq).where(running(job.job_id, job.attempt))

        def work(transaction: Transaction) -> bool:
            seq = transaction.execute(attempt.with_for_update()).scalar()
            if seq is None:
                return False
            added = transaction.insert(provider_jobs).on_conflict_do_nothing(
                index_elements=["job", "attempt", "number"]
            )
            transaction.execute(added, {"job": seq, **_values(job)})
            held = select(provider_jobs.c.token).where(*_place(seq, job))
            return bool(transaction.execute(held).scalar() == job.token)

        return self._database.write(work)

    def set_provider_job(
        self, job: ProviderJob, state: ProviderJobState, provider_job_id: str | None = None
    ) -> None:
        seq = select(jobs.c.seq).where(jobs.c.job_id == job.job_id).scalar_subquery()
        values: dict[str, Any] = {"state": state}
        if provider_job_id is not None:
            values["provider_job_id"] = provider_job_id
        changed = update(provider_jobs).where(*_place(seq, job)).values(values)
        self._database.write(lambda transaction: transaction.execute(changed).close())

    def provider_jobs(
        self, job_id: str | None = None, *, open_only: bool = False
    ) -> list[ProviderJob]:
        query = (
            select(provider_jobs, jobs.c.job_id)
            .join(jobs, jobs.c.seq == provider_jobs.c.job)
            .order_by(provider_jobs.c.job, provider_jobs.c.attempt, provider_jobs.c.number)
        )
        if job_id is not None:
            query = query.where(jobs.c.job_id == job_id)
        if open_only:
            query = query.where(provider_jobs.c.state.in_(sorted(OPEN)))
        rows = self._database.read(lambda transaction: list(transaction.execute(query)))
        return [
            ProviderJob(
                row.job_id,
                row.attempt,
                row.number,
                row.backend_name,
                row.token,
                row.created,
                ProviderJobState(row.state),
                row.provider_job_id,
            )
            for row in rows
        ]


def _values(job: ProviderJob) -> dict[str, Any]:
    return {
        "attempt": job.attempt,
        "number": job.number,
        "backend_name": job.backend_name,
        "token": job.token,
        "created": job.created,
        "state": job.state,
        "provider_job_id": job.provider_job_id,
    }


def _place(seq: Any, job: ProviderJob) -> tuple[Any, ...]:
    held = provider_jobs.c
    return held.job == seq, held.attempt == job.attempt, held.number == job.number
