# SPDX-License-Identifier: Apache-2.0
"""Sessions as an engine sees them: which slots are kept for them, and when they end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from qruntime.core.jobs import JobStatus
from qruntime.core.sessions import Session, SessionMode
from qruntime.engine.policy import Reservation
from qruntime.engine.stillness import Stopwatches
from qruntime.store.base import JobState, Store


def session_ends(session: Session, *, ran_seconds: float, idle_seconds: float, busy: bool) -> bool:
    """Return whether a session has ended.

    ``busy`` says that it has jobs that have not. Its longest time ends it with jobs that still
    wait; its idle time, or having been closed to new jobs, only without any.
    """
    if session.started is not None and ran_seconds >= session.max_seconds:
        return True
    return not busy and (not session.accepting or idle_seconds >= session.idle_seconds)


class Reservations:
    """The sessions that have not ended, and the slots that this engine keeps for some of them.

    Times are measured from the first look, by monotonic time; what had passed before is taken from
    the stamp of the start. A jump of the wall clock changes nothing for sessions that an engine
    knows; one while no engine runs counts as time that has passed.
    """

    def __init__(self, *, exclusive: bool, lease_seconds: float) -> None:
        self._orphan_seconds = 0.0 if exclusive else lease_seconds
        self._exclusive = exclusive
        self._sessions: dict[str, Session] = {}
        self._held: set[str] = set()
        self._ran = Stopwatches()
        self._idle = Stopwatches()
        self._unattended = Stopwatches()
        self._looked = False

    def look(
        self,
        sessions: Sequence[Session],
        jobs: Iterable[JobState],
        ours: set[str],
        now: float,
        wall: datetime,
    ) -> list[Reservation]:
        """Take note of the sessions and of the unfinished jobs; return the reservations.

        ``ours`` are the ids of the sessions of which this engine runs a job.
        """
        self._sessions = {session.session_id: session for session in sessions}
        if self._exclusive and not self._looked:
            self._held = {
                session.session_id
                for session in sessions
                if session.started is not None and session.mode is SessionMode.DEDICATED
            }
        self._looked = True
        if not sessions:
            self._held.clear()
            return []
        states: dict[str, set[JobStatus]] = {key: set() for key in self._sessions}
        for job in jobs:
            if job.session_id in states:
                states[job.session_id].add(job.status)
        self._time(states, now, wall)
        elsewhere = {key for key, held in states.items() if JobStatus.RUNNING in held} - ours
        self._held = {key for key in self._held if key in self._sessions} - elsewhere
        return [self._reservation(session, now) for session in sessions]

    def _time(self, states: dict[str, set[JobStatus]], now: float, wall: datetime) -> None:
        for watches in (self._ran, self._idle, self._unattended):
            watches.keep(states)
        for key, held in states.items():
            started = self._sessions[key].started
            if started is None:
                self._ran.restart(key, now)
            else:
                self._ran.start(key, now, passed=(wall - started).total_seconds())
            if held:
                self._idle.restart(key, now)
            self._idle.start(key, now)
            if JobStatus.QUEUED not in held or JobStatus.RUNNING in held or started is None:
                self._unattended.restart(key, now)
            self._unattended.start(key, now)

    def _reservation(self, session: Session, now: float) -> Reservation:
        key = session.session_id
        held = key in self._held
        unattended = self._unattended.seconds(key, now) >= self._orphan_seconds
        return Reservation(
            key,
            session.owner,
            session.backend_name,
            session.mode,
            session.created.timestamp(),
            started=session.started is not None,
            held=held,
            orphaned=session.started is not None and not held and unattended,
        )

    def ended(self, jobs: Iterable[JobState], now: float) -> list[Session]:
        """Return the sessions that have ended and are to be closed."""
        if not self._sessions:
            return []
        busy = {job.session_id for job in jobs}
        return [
            session
            for key, session in self._sessions.items()
            if session_ends(
                session,
                ran_seconds=self._ran.seconds(key, now),
                idle_seconds=self._idle.seconds(key, now),
                busy=key in busy,
            )
        ]

    def open(self, store: Store, session_id: str) -> bool:
        """Begin a session whose first job is about to start here; return whether it is ours.

        Of several engines that try at once only one succeeds.
        """
        session = self._sessions[session_id]
        if session.started is None:
            started = replace(session, started=store.now())
            if not store.put_session(started, expected=session):
                return False
            self._sessions[session_id] = started
        if session.mode is SessionMode.DEDICATED:
            self._held.add(session_id)
        return True

    def close(self, store: Store, session: Session) -> None:
        """Write that a session has ended; one that has changed is looked at again."""
        ended = replace(session, accepting=False, closed=store.now())
        store.put_session(ended, expected=session)
