# SPDX-License-Identifier: Apache-2.0
"""Decides which queued jobs start, in which order, and which can start no more. Pure functions.

Between users: start-time fair queueing (P. Goyal, H. M. Vin, H. Cheng, "Start-time Fair Queueing",
IEEE/ACM Transactions on Networking 5(5), 1997) over slot-seconds: the user who has had the least
for his weight is served next, and who comes back after a pause joins at the level of those who
stayed. What was used long ago counts less, as in the fair-share priority of Slurm and HTCondor. A
user's tag falls while none of his waiting jobs starts, so that no stream of newcomers can pass him
for ever.

Within one user: by time of submission, where each step of priority is worth ``priority_seconds``.
That order never changes while jobs wait, so a job waits for a bounded number of others.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from qruntime.core.sessions import SessionMode
from qruntime.engine.shares import Shares

MOST_PRIORITY = 100
"""Priorities beyond plus or minus this count as this."""

_Key = tuple[float, float, float, str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued job. ``created`` is in seconds on any one scale, ``waited`` in seconds until now."""

    job_id: str
    owner: str
    backend_name: str
    created: float
    waited: float = 0.0
    priority: int = 0
    start_deadline: float | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A job that holds a slot: of this engine (``here``) or of another one on the same store.

    ``ran`` is for how many seconds it has run.
    """

    job_id: str
    owner: str
    backend_name: str
    session_id: str | None = None
    here: bool = True
    ran: float = 0.0


@dataclass(frozen=True, slots=True)
class Reservation:
    """A session that has not ended.

    ``started`` says that a job of it has; ``held``, that its slot is one of this engine's;
    ``orphaned``, that the engine that held its slot has gone.
    """

    session_id: str
    owner: str
    backend_name: str
    mode: SessionMode
    created: float
    started: bool = False
    held: bool = False
    orphaned: bool = False

    @property
    def dedicated(self) -> bool:
        """Whether it keeps a slot for itself."""
        return self.mode is SessionMode.DEDICATED

    @property
    def keeps_slot(self) -> bool:
        """Whether some engine keeps a slot for it now."""
        return self.dedicated and (self.held or (self.started and not self.orphaned))


@dataclass(frozen=True, slots=True)
class Rules:
    """How to decide. None and what is not named are without a limit.

    ``running_per_user`` and ``running_per_backend`` limit what runs at once. ``priority_seconds``
    is what a step of priority is worth. ``job_seconds`` is how long a job is expected to take.
    ``ageing`` is how fast a user who is not served moves up: slot-seconds per second.
    """

    running_per_user: int | None = None
    running_per_backend: Mapping[str, int] = field(default_factory=dict)
    priority_seconds: float = 3600.0
    job_seconds: float = 10.0
    ageing: float = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """Ids of jobs: ``start`` these, in this order; ``expire`` those whose deadline has passed.

    ``stranded`` jobs belong to a session that has ended.
    """

    start: tuple[str, ...] = ()
    expire: tuple[str, ...] = ()
    stranded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """Where a queued job stands: ``place`` 1 is next. ``starts_in`` is an estimate in seconds.

    ``starts_in`` is None if no slot will be free: all are kept for sessions.
    """

    place: int
    starts_in: float | None


def plan(
    waiting: Iterable[Waiting],
    running: Sequence[Running],
    *,
    slots: int,
    sessions: Iterable[Reservation] = (),
    shares: Shares | None = None,
    rules: Rules | None = None,
) -> Plan:
    """Decide what starts now on the ``slots`` of this engine, and what can start no more.

    The order of what is given does not matter. A session that keeps a slot runs its jobs there, one
    after the other; nothing else starts there. Limits count the running jobs of all engines, and
    slots that are kept for sessions.
    """
    rules = rules or Rules()
    known = {session.session_id: session for session in sessions}
    expire, stranded, eligible = _sorted_out(waiting, known)
    floor = _Floor(running, known, slots, rules)
    start = _on_kept_slots(eligible, known, floor)
    if floor.free > 0:
        line = _Line(_competing(eligible, known, floor), known, floor, shares or Shares())
        while floor.free > 0 and (job := line.pick()) is not None:
            floor.free -= 1
            start.append(job.job_id)
    return Plan(tuple(start), tuple(sorted(expire)), tuple(sorted(stranded)))


def positions(
    waiting: Iterable[Waiting],
    running: Sequence[Running],
    *,
    slots: int,
    sessions: Iterable[Reservation] = (),
    shares: Shares | None = None,
    rules: Rules | None = None,
) -> dict[str, Position]:
    """Return where each queued job stands, by its id, and when it is likely to start.

    As if no limit held and each job took ``rules.job_seconds``; jobs that come later may go first.
    """
    rules = rules or Rules()
    known = {session.session_id: session for session in sessions}
    _, _, eligible = _sorted_out(waiting, known)
    unlimited = Rules(
        priority_seconds=rules.priority_seconds,
        job_seconds=rules.job_seconds,
        ageing=rules.ageing,
    )
    floor = _Floor(running, known, slots, unlimited)
    ends = _ends(running, known, slots, rules.job_seconds)
    line = _Line(eligible, known, floor, shares or Shares())
    found: dict[str, Position] = {}
    while (job := line.pick()) is not None:
        starts_in = heapq.heappop(ends) if ends else None
        found[job.job_id] = Position(len(found) + 1, starts_in)
        if starts_in is not None:
            heapq.heappush(ends, starts_in + rules.job_seconds)
    return found


def _ends(
    running: Sequence[Running], known: Mapping[str, Reservation], slots: int, job_seconds: float
) -> list[float]:
    """Return when each slot that is not kept for a session will be free, in seconds from now."""
    kept = sum(1 for session in known.values() if session.held and session.dedicated)
    ends = [
        max(0.0, job_seconds - job.ran)
        for job in running
        if job.here and not _kept_for(job.session_id, known)
    ]
    ends += [0.0] * (slots - kept - len(ends))
    heapq.heapify(ends)
    return ends


def _kept_for(session_id: str | None, known: Mapping[str, Reservation]) -> bool:
    session = known.get(session_id) if session_id is not None else None
    return session is not None and session.held and session.dedicated


def _sorted_out(
    waiting: Iterable[Waiting], known: Mapping[str, Reservation]
) -> tuple[list[str], list[str], list[Waiting]]:
    """Return the ids of expired and of stranded jobs, and the jobs that may start some time."""
    expire: list[str] = []
    stranded: list[str] = []
    eligible: list[Waiting] = []
    for job in waiting:
        if job.session_id is not None and job.session_id not in known:
            stranded.append(job.job_id)
        elif job.start_deadline is not None and job.waited >= job.start_deadline:
            expire.append(job.job_id)
        else:
            eligible.append(job)
    return expire, stranded, eligible


class _Floor:
    """What is taken: slots here, and by user and backend everywhere."""

    def __init__(
        self,
        running: Sequence[Running],
        known: Mapping[str, Reservation],
        slots: int,
        rules: Rules,
    ) -> None:
        self.rules = rules
        self.users: Counter[str] = Counter()
        self.backends: Counter[str] = Counter()
        self.busy = {job.session_id for job in running if job.session_id is not None}
        self.here = sum(job.here for job in running)
        self.slots = slots
        kept = [session for session in known.values() if session.keeps_slot]
        idle = [session for session in kept if session.session_id not in self.busy]
        for job in running:
            self.take(job.owner, job.backend_name)
        for session in idle:
            self.take(session.owner, session.backend_name)
        self.free = slots - self.here - sum(session.held for session in idle)

    def has_room_for(self, user: str) -> bool:
        limit = self.rules.running_per_user
        return limit is None or self.users[user] < limit

    def has_room_on(self, backend_name: str) -> bool:
        limit = self.rules.running_per_backend.get(backend_name)
        return limit is None or self.backends[backend_name] < limit

    def take(self, user: str, backend_name: str) -> None:
        self.users[user] += 1
        self.backends[backend_name] += 1


def _on_kept_slots(
    eligible: Iterable[Waiting], known: Mapping[str, Reservation], floor: _Floor
) -> list[str]:
    """Return the next job of each session whose slot is kept here and idle."""
    if not any(session.held for session in known.values()):
        return []
    first = _first_of_each(
        eligible,
        {
            session.session_id: session
            for session in known.values()
            if session.dedicated and session.held and session.session_id not in floor.busy
        },
        floor.rules,
    )
    start = [job.job_id for _, job in sorted(first.values())][: max(0, floor.slots - floor.here)]
    floor.here += len(start)
    return start


def _first_of_each(
    eligible: Iterable[Waiting], sessions: Mapping[str, Reservation], rules: Rules
) -> dict[str, tuple[_Key, Waiting]]:
    first: dict[str, tuple[_Key, Waiting]] = {}
    for job in eligible:
        if job.session_id is None or job.session_id not in sessions:
            continue
        key = _key(job, sessions, rules)
        if job.session_id not in first or key < first[job.session_id][0]:
            first[job.session_id] = (key, job)
    return first


def _competing(
    eligible: Iterable[Waiting], known: Mapping[str, Reservation], floor: _Floor
) -> list[Waiting]:
    """Return the jobs that may take a free slot: of a dedicated session only its first ever."""
    dedicated = {session.session_id: session for session in known.values() if session.dedicated}
    if not dedicated:
        return list(eligible)
    opening = {
        session_id: session
        for session_id, session in dedicated.items()
        if not session.keeps_slot and session_id not in floor.busy
    }
    free = [job for job in eligible if job.session_id not in dedicated]
    return free + [job for _, job in _first_of_each(eligible, opening, floor.rules).values()]


def _key(job: Waiting, known: Mapping[str, Reservation], rules: Rules) -> _Key:
    """Return what orders one user's jobs; the jobs of a batch stand together, where it began."""
    session = known.get(job.session_id) if job.session_id is not None else None
    base = job.created if session is None or session.dedicated else session.created
    priority = max(-MOST_PRIORITY, min(MOST_PRIORITY, job.priority))
    return (base - priority * rules.priority_seconds, base, job.created, job.job_id)


class _Line:
    """All who wait: users by their tags, each user's jobs by backend and key."""

    def __init__(
        self,
        jobs: Iterable[Waiting],
        known: Mapping[str, Reservation],
        floor: _Floor,
        shares: Shares,
    ) -> None:
        self._floor = floor
        self._shares = shares
        self._lanes: dict[str, dict[str, list[tuple[_Key, Waiting]]]] = {}
        for job in jobs:
            lanes = self._lanes.setdefault(job.owner, {})
            entry = (_key(job, known, floor.rules), job)
            lanes.setdefault(job.backend_name, []).append(entry)
        for lanes in self._lanes.values():
            for lane in lanes.values():
                heapq.heapify(lane)
        self._served: set[str] = set()
        self._users = [self._entry(user) for user in self._lanes]
        heapq.heapify(self._users)

    def _entry(self, user: str) -> tuple[float, _Key, str]:
        rules = self._floor.rules
        committed = self._floor.users[user] * rules.job_seconds
        ageing = 0.0 if user in self._served else rules.ageing
        head = min(lane[0][0] for lane in self._lanes[user].values())
        return (self._shares.tag(user, committed, ageing=ageing), head, user)

    def pick(self) -> Waiting | None:
        """Take out the job that is next, None if no more may start; count it as running."""
        while self._users:
            user = heapq.heappop(self._users)[2]
            lane = self._open_lane(user)
            if lane is None:  # limits do not loosen while jobs start
                continue
            _, job = heapq.heappop(lane)
            if not lane:
                del self._lanes[user][job.backend_name]
            self._floor.take(job.owner, job.backend_name)
            self._served.add(user)
            if self._lanes[user]:
                heapq.heappush(self._users, self._entry(user))
            return job
        return None

    def _open_lane(self, user: str) -> list[tuple[_Key, Waiting]] | None:
        if not self._floor.has_room_for(user):
            return None
        lanes = [
            lane
            for backend_name, lane in self._lanes[user].items()
            if self._floor.has_room_on(backend_name)
        ]
        return min(lanes, key=lambda lane: lane[0][0], default=None)
