# SPDX-License-Identifier: Apache-2.0
"""The provider's jobs of a store that lives as long as the process."""

# ruff: noqa: D102  each method is described in Store

from __future__ import annotations

import threading
from dataclasses import replace

from qruntime.core.jobs import Job, JobStatus
from qruntime.core.provider_jobs import ProviderJob, ProviderJobState
from qruntime.store.base import Store


class MemoryProviderJobs(Store):
    """The methods of provider's jobs."""

    _lock: threading.RLock
    _jobs: dict[str, Job]
    _provider_jobs: dict[tuple[str, int, int], ProviderJob]

    def _runs(self, job_id: str, attempt: int) -> bool:
        job = self._jobs.get(job_id)
        return job is not None and job.status is JobStatus.RUNNING and job.attempt == attempt

    def add_provider_job(self, job: ProviderJob) -> bool:
        with self._lock:
            if not self._runs(job.job_id, job.attempt):
                return False
            held = self._provider_jobs.setdefault((job.job_id, job.attempt, job.number), job)
            return held.token == job.token

    def set_provider_job(
        self, job: ProviderJob, state: ProviderJobState, provider_job_id: str | None = None
    ) -> None:
        with self._lock:
            key = (job.job_id, job.attempt, job.number)
            if key in self._provider_jobs:
                held = self._provider_jobs[key]
                named = provider_job_id or held.provider_job_id
                self._provider_jobs[key] = replace(held, state=state, provider_job_id=named)

    def provider_jobs(
        self, job_id: str | None = None, *, open_only: bool = False
    ) -> list[ProviderJob]:
        with self._lock:
            return [
                job
                for job in self._provider_jobs.values()
                if job_id in (None, job.job_id) and not (open_only and job.state.final)
            ]

    def _forget_provider_jobs(self, job_id: str) -> None:
        gone = [key for key in self._provider_jobs if key[0] == job_id]
        for key in gone:
            del self._provider_jobs[key]
