# SPDX-License-Identifier: Apache-2.0
"""Old jobs are forgotten, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from qruntime.core.jobs import Job, JobOptions, JobQuery, JobStatus
from qruntime.engine.housekeeping import Housekeeping
from qruntime.store.memory import MemoryStore

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_jobs_that_ended_long_ago_are_deleted_and_no_others():
    now = START
    store = MemoryStore(now=lambda: now)
    for job_id in ("old", "young", "waiting"):
        store.add_job(Job(job_id, "p", JobOptions("aer_simulator"), "{}", START))
    store.move("old", JobStatus.CANCELLED)
    now = START + timedelta(days=2)
    store.move("young", JobStatus.CANCELLED)
    now = START + timedelta(days=3, hours=1)

    housekeeping = Housekeeping(store, retention_days=3)
    housekeeping.close()

    assert {job.job_id for job in store.jobs(JobQuery())} == {"young", "waiting"}
