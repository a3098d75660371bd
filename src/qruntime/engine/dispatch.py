# SPDX-License-Identifier: Apache-2.0
"""Acts on the policy's decisions: one look at the store at a time, by the time that is given."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from qruntime.core.jobs import Job, JobFailure, JobStatus
from qruntime.engine.broker.broker import Broker
from qruntime.engine.inbox import Inbox
from qruntime.engine.launchers import Launcher
from qruntime.engine.orders import Orders
from qruntime.engine.policy import (
    Plan,
    Position,
    Reservation,
    Rules,
    Running,
    plan,
    positions,
)
from qruntime.engine.reservations import Reservations
from qruntime.engine.shares import Ledger
from qruntime.engine.stillness import Beats, Queue, after_loss
from qruntime.engine.watch import Watch
from qruntime.store.base import JobState, Store
from qruntime.store.bell import QUEUE

_logger = logging.getLogger(__name__)
_WEIGHTS_SECONDS = 10.0
_NEWEST = 0.2
_MOST_PAUSE_SECONDS = 0.5
_LOOK_SHARE = 5.0
_CHEAP_LOOK_SECONDS = 0.02
_SHORTEST_JOB_SECONDS = 0.01

_Attempt = tuple[str, int]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How an engine works.

    ``lease_seconds`` is how long the beat of a job may stand still before its worker counts as
    lost. ``poll_seconds`` is the longest time between two looks at the store. An ``exclusive``
    engine has its store to itself: what runs there and is not its own was lost, at once.
    ``half_life_seconds`` is how fast what users have used is forgotten.
    """

    lease_seconds: float = 15.0
    poll_seconds: float = 1.0
    exclusive: bool = False
    half_life_seconds: float = 4 * 3600.0
    rules: Rules = field(default_factory=Rules)


class Dispatcher:
    """What an engine does at one moment. ``clock`` is monotonic.

    A claim is a move to RUNNING. The attempt then beats once before it is launched: a job that was
    claimed and never beat has not been started by anybody.
    """

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        orders: Orders,
        *,
        slots: int,
        settings: EngineSettings,
        clock: Callable[[], float],
        broker: Broker | None = None,
    ) -> None:
        self._store = store
        self._broker = broker
        self._launcher = launcher
        self._orders = orders
        self._slots = slots
        self._settings = settings
        self._clock = clock
        self._isolation = str(
            getattr(launcher, "isolation", "inline" if launcher.in_process else "process")
        )
        self._looking = threading.Lock()
        self._watches: dict[_Attempt, Watch] = {}
        self._claimed: dict[_Attempt, Job] = {}
        self._beats = Beats()
        self._queue = Queue()
        self._ledger = Ledger(half_life_seconds=settings.half_life_seconds)
        self._reservations = Reservations(
            exclusive=settings.exclusive, lease_seconds=settings.lease_seconds
        )
        self._weights: dict[str, float] = {}
        self._weights_read: float | None = None
        self._job_seconds = settings.rules.job_seconds
        self._claiming = True
        self._next: deque[JobState] = deque()
        self._look_seconds = 0.0
        self._positions: Callable[[], dict[str, Position]] = dict

    @property
    def watches(self) -> list[Watch]:
        """The attempts of this engine whose workers are not gone."""
        return list(self._watches.values())

    @property
    def busy(self) -> bool:
        """Whether there is anything that this engine holds."""
        return bool(self._watches or self._claimed)

    @property
    def pause_seconds(self) -> float:
        """How long not to look again after a look began: one at a long queue is dear."""
        return min(_MOST_PAUSE_SECONDS, _LOOK_SHARE * self._look_seconds)

    @property
    def idle(self) -> bool:
        """Whether slots are free, nothing is known that could start there, and a look is cheap."""
        free = self._slots - len(self._watches)
        return free > 0 and not self._next and self._look_seconds < _CHEAP_LOOK_SECONDS

    def positions(self) -> dict[str, Position]:
        """Return where the queued jobs stood at the last look."""
        return self._positions()

    def stop_claiming(self) -> None:
        """Claim no more, from now on; what was claimed and not launched is queued again."""
        with self._looking:
            self._claiming = False

    def beat(self) -> None:
        """Count up the beats of all own attempts; stop those that are not their job's any more.

        Raises:
            StoreError: the store failed.
        """
        watches = dict(self._watches)
        if watches:
            alive = self._store.beat(list(watches))
            for (job_id, _), watch in watches.items():
                if job_id not in alive:
                    watch.lose()

    def look(self) -> None:
        """Look at the store once, and do what follows.

        Raises:
            StoreError: the store failed; what has been done stands, the rest is for the next look.
        """
        with self._looking:
            self._prove()
            began = self._clock()
            watches = dict(self._watches)
            jobs = self._store.unfinished()
            self._fence(watches, jobs)
            if self._claiming:
                start, reservations = self._decide(watches, jobs)
                self._look_seconds = self._clock() - began
                self._start(start, reservations)

    def refill(self) -> None:
        """Start on free slots what the last look found to be next: a look at a long queue is dear.

        Raises:
            StoreError: the store failed; the rest is for the next look.
        """
        with self._looking:
            self._prove()
            free = self._slots - len(self._watches)
            if self._claiming and free > 0 and self._next:
                self._start([self._next.popleft() for _ in range(min(free, len(self._next)))], ())

    def _fence(self, watches: dict[_Attempt, Watch], jobs: Iterable[JobState]) -> None:
        running = {(job.job_id, job.attempt) for job in jobs if job.status is JobStatus.RUNNING}
        for key, watch in watches.items():
            if key not in running:
                watch.lose()

    def _decide(
        self, watches: dict[_Attempt, Watch], jobs: list[JobState]
    ) -> tuple[list[JobState], list[Reservation]]:
        """End what can go on no more; return what starts now, and the sessions that count."""
        now = self._clock()
        wall = self._store.now()
        sessions = self._store.sessions(open_only=True)
        queued, running = _by_status(jobs)
        held = watches.keys() | self._claimed.keys()
        self._reclaim([job for job in running if (job.job_id, job.attempt) not in held], now)
        taken = self._taken(watches, running)
        ours = {job.session_id for job in taken if job.here and job.session_id is not None}
        reservations = self._reservations.look(sessions, jobs, ours, now, wall)
        waiting = list(self._queue.look(queued, now, wall))
        shares = self._ledger.look(jobs, now, self._read_weights(now))
        rules = replace(self._settings.rules, job_seconds=self._job_seconds)
        decided = plan(
            waiting,
            taken,
            # more rounds, for slots that become free before the next look; limits are kept,
            # because these count as running too
            slots=self._slots * (1 if reservations else self._rounds()),
            sessions=reservations,
            shares=shares,
            rules=rules,
        )
        self._positions = partial(
            positions,
            waiting,
            taken,
            slots=self._slots,
            sessions=reservations,
            shares=shares,
            rules=rules,
        )
        by_id = {job.job_id: job for job in queued} if decided != Plan() else {}
        self._turn_away(decided, by_id)
        for session in self._reservations.ended(jobs, now):
            self._reservations.close(self._store, session)
        start = [by_id[job_id] for job_id in decided.start]
        free = len(start) if reservations else max(0, self._slots - sum(t.here for t in taken))
        self._next = deque(start[free:])
        return start[:free], reservations

    def _rounds(self) -> int:
        """Return how often each slot may become free before the next look, and once more."""
        rounds = self.pause_seconds / max(self._job_seconds, _SHORTEST_JOB_SECONDS)
        return 2 + math.ceil(rounds)

    def _taken(self, watches: dict[_Attempt, Watch], running: Sequence[JobState]) -> list[Running]:
        """Return what holds slots: own workers hold theirs until they are gone."""
        own = [watch.job for watch in watches.values()] + list(self._claimed.values())
        here = {(job.job_id, job.attempt) for job in own}
        taken = [
            Running(job.job_id, job.owner, job.options.backend_name, job.options.session_id)
            for job in own
        ]
        return taken + [
            Running(job.job_id, job.owner, job.backend_name, job.session_id, here=False)
            for job in running
            if (job.job_id, job.attempt) not in here
        ]

    def _read_weights(self, now: float) -> dict[str, float]:
        if self._weights_read is None or now - self._weights_read >= _WEIGHTS_SECONDS:
            self._weights = {user.user_id: user.weight for user in self._store.users()}
            self._weights_read = now
        return self._weights

    def _reclaim(self, running: list[JobState], now: float) -> None:
        lease = 0.0 if self._settings.exclusive else self._settings.lease_seconds
        for job in self._beats.lost(running, now, lease_seconds=lease):
            to, failure = after_loss(job)
            fields = {} if failure is None else {"failure": failure}
            if self._store.move(job.job_id, to, attempt=job.attempt, **fields):
                _logger.warning(
                    "job '%s' was lost by its worker in attempt %d: it is %s",
                    job.job_id,
                    job.attempt,
                    to,
                )

    def _turn_away(self, decided: Plan, queued: dict[str, JobState]) -> None:
        for job_id in decided.expire:
            job = queued[job_id]
            self._fail(
                job,
                "start_deadline_missed",
                f"the job did not start within {job.start_deadline:g} s of its submission: no slot "
                "was free for it in time",
            )
        for job_id in decided.stranded:
            job = queued[job_id]
            self._fail(
                job,
                "session_ended",
                f"the job's session '{job.session_id}' ended before the job started",
            )

    def _fail(self, job: JobState, code: str, message: str) -> None:
        failure = JobFailure(code, message)
        self._store.move(job.job_id, JobStatus.FAILED, attempt=job.attempt, failure=failure)

    def _start(self, jobs: list[JobState], reservations: Sequence[Reservation]) -> None:
        known = {item.session_id for item in reservations}
        for state in jobs:
            if state.session_id in known and not self._reservations.open(
                self._store, str(state.session_id)
            ):
                continue
            job = self._store.move(
                state.job_id, JobStatus.RUNNING, attempt=state.attempt, isolation=self._isolation
            )
            if job is not None:
                self._claimed[job.job_id, job.attempt] = job
                self._ledger.start(job.owner)
        self._prove()

    def _prove(self) -> None:
        """Beat for the first time for what was claimed, and launch what still is this engine's."""
        if not self._claimed:
            return
        if not self._claiming:
            for job_id, attempt in list(self._claimed):
                self._store.move(job_id, JobStatus.QUEUED, attempt=attempt)
                del self._claimed[job_id, attempt]
            return
        alive = self._store.beat(list(self._claimed))
        claimed, self._claimed = self._claimed, {}
        for key, job in claimed.items():
            if job.job_id in alive:
                self._watch(key, job)

    def _watch(self, key: _Attempt, job: Job) -> None:
        inbox = Inbox(self._store, job, patience_seconds=self._settings.lease_seconds)
        watch = Watch(job, inbox, self._launcher, self._orders, self._clock, self._broker)
        self._watches[key] = watch
        threading.Thread(
            target=self._attend, args=(key, watch), name="qruntime-watch", daemon=True
        ).start()

    def _attend(self, key: _Attempt, watch: Watch) -> None:
        watch.run()
        seconds = self._clock() - watch.began
        self._job_seconds += _NEWEST * (seconds - self._job_seconds)
        del self._watches[key]
        self._store.bell.ring(QUEUE)


def _by_status(jobs: Iterable[JobState]) -> tuple[list[JobState], list[JobState]]:
    """Return the queued and the running ones."""
    queued: list[JobState] = []
    running: list[JobState] = []
    for job in jobs:
        (queued if job.status is JobStatus.QUEUED else running).append(job)
    return queued, running
