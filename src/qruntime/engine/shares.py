# SPDX-License-Identifier: Apache-2.0
"""Fair shares: how much of the slots each user has had of late, and who is to be served next."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qruntime.core.jobs import JobStatus
from qruntime.store.base import JobState

_LEAST_WEIGHT = 1e-3
_FORGOTTEN = 1e-3


@dataclass(frozen=True, slots=True)
class Shares:
    """What users have had: ``used`` in slot-seconds, of which older ones count less.

    ``unserved`` is for how many seconds a user has had jobs waiting and none of them started.
    ``weights`` are relative; a user who is not named has the weight 1.
    """

    used: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    unserved: Mapping[str, float] = field(default_factory=dict)

    def weight(self, user: str) -> float:
        """Return a user's weight, which is above zero."""
        return max(self.weights.get(user, 1.0), _LEAST_WEIGHT)

    def tag(self, user: str, committed: float, *, ageing: float) -> float:
        """Return a user's place in line: of two users the one with the lower tag is served first.

        ``committed`` are slot-seconds that jobs which have just started are expected to take.
        """
        had = (self.used.get(user, 0.0) + committed) / self.weight(user)
        return had - ageing * self.unserved.get(user, 0.0)


def accrued(
    used: Mapping[str, float],
    running: Mapping[str, int],
    seconds: float,
    *,
    half_life_seconds: float,
) -> dict[str, float]:
    """Return what users have used after ``seconds`` in which each had so many slots.

    What was used loses half its weight in ``half_life_seconds``, so that nobody pays for ever.
    """
    kept = 0.5 ** (seconds / half_life_seconds)
    gained = (1.0 - kept) * half_life_seconds / math.log(2.0)
    after = {
        user: used.get(user, 0.0) * kept + running.get(user, 0) * gained
        for user in used.keys() | running.keys()
    }
    return {user: value for user, value in after.items() if value > _FORGOTTEN}


def joined(
    used: Mapping[str, float], shares: Shares, before: Iterable[str], now: Iterable[str]
) -> dict[str, float]:
    """Return what users have used once those who have come back are level with those who stayed.

    Who had no jobs for a while has not saved up a claim on all slots: he joins at the least that
    anybody who stayed has had, for his weight.
    """
    now = set(now)
    stayed = set(before) & now
    if not stayed:
        return dict(used)
    floor = min(used.get(user, 0.0) / shares.weight(user) for user in stayed)
    came = {user: max(used.get(user, 0.0), floor * shares.weight(user)) for user in now - stayed}
    return {**used, **came}


class Ledger:
    """Keeps the shares up to date from looks at the queue, by the caller's monotonic time."""

    def __init__(self, *, half_life_seconds: float) -> None:
        self._half_life_seconds = half_life_seconds
        self._used: dict[str, float] = {}
        self._running: dict[str, int] = {}
        self._attempts: set[tuple[str, int]] = set()
        self._active: set[str] = set()
        self._unserved_since: dict[str, float] = {}
        self._looked: float | None = None

    def look(self, jobs: Iterable[JobState], now: float, weights: Mapping[str, float]) -> Shares:
        """Take note of the jobs that have not ended; return the shares as they are then."""
        seconds = 0.0 if self._looked is None else max(0.0, now - self._looked)
        self._looked = now
        self._used = accrued(
            self._used, self._running, seconds, half_life_seconds=self._half_life_seconds
        )
        waiting: set[str] = set()
        running: dict[str, int] = {}
        attempts: set[tuple[str, int]] = set()
        served: set[str] = set()
        for job in jobs:
            if job.status is JobStatus.QUEUED:
                waiting.add(job.owner)
                continue
            running[job.owner] = running.get(job.owner, 0) + 1
            attempts.add((job.job_id, job.attempt))
            if (job.job_id, job.attempt) not in self._attempts:
                served.add(job.owner)
        active = waiting | running.keys()
        shares = Shares(self._used, weights)
        self._used = joined(self._used, shares, self._active, active)
        since = self._unserved_since
        self._unserved_since = {
            user: now if user in served else since.get(user, now) for user in waiting
        }
        self._active, self._running, self._attempts = active, running, attempts
        unserved = {user: now - at for user, at in self._unserved_since.items()}
        return Shares(self._used, weights, unserved)

    def start(self, user: str) -> None:
        """Take note that a job of a user has started since the look: it may end before the next."""
        self._running[user] = self._running.get(user, 0) + 1
        if self._looked is not None and user in self._unserved_since:
            self._unserved_since[user] = self._looked
