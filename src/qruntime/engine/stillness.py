# SPDX-License-Identifier: Apache-2.0
"""Durations that no jump of the wall clock changes: still beats, waiting jobs, idle sessions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import datetime

from qruntime.core.jobs import JobFailure, JobStatus
from qruntime.engine.policy import Waiting
from qruntime.store.base import JobState


class Stopwatches:
    """One stopwatch for each thing that is looked at, by the caller's monotonic time.

    A stopwatch starts at the first look, at zero or at what the stored stamps say has passed, and
    is forgotten at the first look without its thing.
    """

    def __init__(self) -> None:
        self._began: dict[Hashable, float] = {}

    def start(self, key: Hashable, now: float, *, passed: float = 0.0) -> None:
        """Start a stopwatch, unless it runs."""
        self._began.setdefault(key, now - max(0.0, passed))

    def restart(self, key: Hashable, now: float) -> None:
        """Start a stopwatch at zero."""
        self._began[key] = now

    def runs(self, key: Hashable) -> bool:
        """Return whether there is such a stopwatch."""
        return key in self._began

    def seconds(self, key: Hashable, now: float) -> float:
        """Return what a stopwatch shows, zero if there is none."""
        return now - self._began.get(key, now)

    def keep(self, keys: Iterable[Hashable]) -> None:
        """Forget all but these."""
        kept = set(keys)
        if len(kept) < len(self._began) or not kept >= self._began.keys():
            self._began = {key: at for key, at in self._began.items() if key in kept}


class Beats:
    """Observes the beats of attempts that others run."""

    def __init__(self) -> None:
        self._still = Stopwatches()

    def lost(
        self, running: Iterable[JobState], now: float, *, lease_seconds: float
    ) -> list[JobState]:
        """Return those whose beat has stood still for the lease."""
        seen = {(job.job_id, job.attempt, job.beat): job for job in running}
        self._still.keep(seen)
        for key in seen:
            self._still.start(key, now)
        return [job for key, job in seen.items() if self._still.seconds(key, now) >= lease_seconds]


def after_loss(job: JobState) -> tuple[JobStatus, JobFailure | None]:
    """Return where a job goes whose worker was lost, and the failure if that is its end.

    An attempt beats before it is launched: one that never did has not been started, and costs none
    of the job's attempts.
    """
    if job.beat == 0 or job.attempt < job.max_attempts:
        return JobStatus.QUEUED, None
    times = "once" if job.attempt == 1 else f"{job.attempt} times"
    return JobStatus.FAILED, JobFailure(
        "worker_lost",
        f"the worker that ran the job was lost: nothing has been heard of it; the job was started "
        f"{times} and may be started {job.max_attempts} in all (option 'max_attempts')",
    )


class Queue:
    """The queued jobs as the policy sees them. A job's waiting time is measured from its stamp."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Waiting] = {}
        self._waits = Stopwatches()

    def look(self, queued: Iterable[JobState], now: float, wall: datetime) -> list[Waiting]:
        """Return the queued jobs, each with how long it has waited if it has a deadline."""
        before, self._known = self._known, {}
        for job in queued:
            key = (job.job_id, job.attempt)
            self._known[key] = before.get(key) or self._first_seen(job, now, wall)
        self._waits.keep(job.job_id for job in self._known.values() if job.start_deadline)
        return [
            job if job.start_deadline is None else self._waited(job, now)
            for job in self._known.values()
        ]

    def _first_seen(self, job: JobState, now: float, wall: datetime) -> Waiting:
        # a job that was started in time and lost its worker has kept its deadline
        deadline = job.start_deadline if job.attempt == 0 else None
        if deadline is not None:
            passed = (wall - job.created).total_seconds()
            self._waits.start(job.job_id, now, passed=passed)
        return Waiting(
            job.job_id,
            job.owner,
            job.backend_name,
            job.created.timestamp(),
            priority=job.priority,
            start_deadline=deadline,
            session_id=job.session_id,
        )

    def _waited(self, job: Waiting, now: float) -> Waiting:
        return Waiting(
            job.job_id,
            job.owner,
            job.backend_name,
            job.created,
            self._waits.seconds(job.job_id, now),
            job.priority,
            job.start_deadline,
            job.session_id,
        )
