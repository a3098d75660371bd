# SPDX-License-Identifier: Apache-2.0
"""Open, look up, close and cancel sessions."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from dataclasses import replace

from qruntime.core.jobs import JobOptions, JobStatus
from qruntime.core.sessions import Session, SessionMode
from qruntime.core.users import Scope
from qruntime.errors import InvalidInputError, InvalidStateError, SessionNotFoundError
from qruntime.service.access import Caller, need
from qruntime.store.base import Store

MOST_SESSION_SECONDS = 8 * 3600.0
DEFAULT_IDLE_SECONDS = 300.0
_CHANGED = "session '{}' changes too fast; try again"
_TRIES = 10


def create_session(
    store: Store,
    caller: Caller,
    backend_name: str,
    mode: str = SessionMode.DEDICATED,
    *,
    max_seconds: float = MOST_SESSION_SECONDS,
    idle_seconds: float = DEFAULT_IDLE_SECONDS,
) -> Session:
    """Open a session on a backend; its time begins with its first job.

    Raises:
        InvalidInputError: the mode or a time is wrong; the message says what is allowed.
        NotAuthorizedError: the caller may not run programs.
    """
    need(caller, Scope.RUN)
    modes = [item.value for item in SessionMode]
    if mode not in modes:
        raise InvalidInputError(f"a session's mode is one of {', '.join(modes)}, not {mode!r}")
    session = Session(
        session_id=uuid.uuid4().hex,
        owner=caller.user_id,
        backend_name=backend_name,
        mode=SessionMode(mode),
        created=store.now(),
        max_seconds=_seconds("max_seconds", max_seconds),
        idle_seconds=_seconds("idle_seconds", idle_seconds),
    )
    store.add_session(session)
    return session


def _seconds(name: str, value: float) -> float:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not numeric or not math.isfinite(value) or not 0 < value <= MOST_SESSION_SECONDS:
        raise InvalidInputError(
            f"{name} must be a number of seconds above 0 and at most "
            f"{MOST_SESSION_SECONDS:g}, not {value!r}"
        )
    return float(value)


def find_session(store: Store, caller: Caller, session_id: str) -> Session:
    """Return a session that the caller may see: another user's is as if it were not there.

    Raises:
        SessionNotFoundError: there is none of this id.
    """
    need(caller, Scope.READ)
    session = store.session(session_id)
    if not caller.admin and session.owner != caller.user_id:
        raise SessionNotFoundError(f"no session '{session_id}'")
    return session


def list_sessions(store: Store, caller: Caller, *, open_only: bool = False) -> list[Session]:
    """Return the sessions that the caller may see, the newest first."""
    need(caller, Scope.READ)
    return store.sessions(owner=None if caller.admin else caller.user_id, open_only=open_only)


def close_session(store: Store, caller: Caller, session_id: str) -> Session:
    """Let a session take no more jobs; those that it has, queued ones too, go on to their ends.

    Raises:
        SessionNotFoundError: there is none of this id.
    """
    need(caller, Scope.RUN)
    return _change(store, caller, session_id, lambda held: replace(held, accepting=False))


def cancel_session(store: Store, caller: Caller, session_id: str) -> Session:
    """End a session: its queued jobs are cancelled, running ones go on to their ends.

    Raises:
        SessionNotFoundError: there is none of this id.
    """
    session = close_session(store, caller, session_id)
    for job in store.unfinished():
        if job.session_id == session_id and job.status is JobStatus.QUEUED:
            # fenced: a job that has just started is running, and goes on
            store.move(job.job_id, JobStatus.CANCELLED, attempt=job.attempt)
    return session


def check_session(store: Store, caller: Caller, options: JobOptions) -> None:
    """Check, before a job is queued, that it may join the session that it names, if any.

    Raises:
        SessionNotFoundError: there is no such session of the caller's.
        InvalidStateError: it takes no more jobs.
        InvalidInputError: it is on another backend.
    """
    if options.session_id is None:
        return
    session = store.session(options.session_id)
    if session.owner != caller.user_id:  # not even an administrator's jobs run on another's slot
        raise SessionNotFoundError(f"no session '{options.session_id}' of yours")
    if session.closed is not None or not session.accepting:
        raise InvalidStateError(
            f"session '{session.session_id}' is closed: it takes no more jobs; open a new one"
        )
    if session.backend_name != options.backend_name:
        raise InvalidInputError(
            f"session '{session.session_id}' is on backend '{session.backend_name}'; its jobs "
            f"cannot run on '{options.backend_name}'"
        )


def _change(
    store: Store, caller: Caller, session_id: str, change: Callable[[Session], Session]
) -> Session:
    for _ in range(_TRIES):
        held = find_session(store, caller, session_id)
        changed = change(held)
        if changed == held or store.put_session(changed, expected=held):
            return changed
    raise InvalidStateError(_CHANGED.format(session_id))
