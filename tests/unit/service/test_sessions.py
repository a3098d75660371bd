# SPDX-License-Identifier: Apache-2.0
"""Sessions: who may open, see and close them, and which jobs may join."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qruntime.core.jobs import Job, JobOptions, JobStatus
from qruntime.core.sessions import SessionMode
from qruntime.core.users import Role, Scope
from qruntime.errors import (
    InvalidInputError,
    InvalidStateError,
    NotAuthorizedError,
    SessionNotFoundError,
    TooManyRequestsError,
)
from qruntime.service.access import caller_of
from qruntime.service.limits import check_room
from qruntime.service.sessions import (
    MOST_SESSION_SECONDS,
    cancel_session,
    check_session,
    close_session,
    create_session,
    find_session,
    list_sessions,
)
from qruntime.store.memory import MemoryStore

ANN = caller_of("ann", Role.USER, frozenset(Scope))
BOB = caller_of("bob", Role.USER, frozenset(Scope))
ROOT = caller_of("root", Role.ADMIN, frozenset(Scope))
READER = caller_of("ann", Role.READER, frozenset(Scope))


@pytest.fixture
def store():
    return MemoryStore()


def add_job(store, job_id, session):
    options = JobOptions("aer", session_id=session.session_id)
    return store.add_job(Job(job_id, "p", options, "{}", store.now(), owner=session.owner))


def joining(session, backend_name="aer"):
    return JobOptions(backend_name, session_id=session.session_id)


def test_a_new_session_is_open_and_its_time_has_not_begun(store):
    session = create_session(store, ANN, "aer", "batch", max_seconds=60, idle_seconds=5)

    assert store.session(session.session_id) == session
    assert (session.owner, session.mode) == ("ann", SessionMode.BATCH)
    assert session.accepting
    assert session.started is None


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True, "5", 1e9])
@pytest.mark.parametrize("name", ["max_seconds", "idle_seconds"])
def test_a_wrong_time_is_refused_and_the_allowed_ones_are_said(store, name, seconds):
    with pytest.raises(InvalidInputError, match=rf"{name} .* at most {MOST_SESSION_SECONDS:g}"):
        create_session(store, ANN, "aer", **{name: seconds})


def test_a_wrong_mode_is_refused_and_the_allowed_ones_are_said(store):
    with pytest.raises(InvalidInputError, match="dedicated, batch"):
        create_session(store, ANN, "aer", "fast")


def test_a_reader_opens_no_session(store):
    with pytest.raises(NotAuthorizedError):
        create_session(store, READER, "aer")


def test_another_users_session_is_as_if_it_were_not_there(store):
    session = create_session(store, ANN, "aer")

    for call in (find_session, close_session, cancel_session):
        with pytest.raises(SessionNotFoundError):
            call(store, BOB, session.session_id)
    assert list_sessions(store, BOB) == []
    assert list_sessions(store, ROOT) == [session]
    assert store.session(session.session_id).accepting


def test_a_closed_session_takes_no_jobs_and_keeps_those_that_it_has(store):
    session = create_session(store, ANN, "aer")
    add_job(store, "queued", session)

    close_session(store, ANN, session.session_id)

    assert store.job("queued").status is JobStatus.QUEUED
    with pytest.raises(InvalidStateError, match="no more jobs"):
        check_session(store, ANN, joining(session))


def test_a_cancelled_session_cancels_what_waits_and_leaves_what_runs(store):
    session = create_session(store, ANN, "aer")
    other = create_session(store, ANN, "aer")
    add_job(store, "running", session)
    store.move("running", JobStatus.RUNNING)
    add_job(store, "queued", session)
    add_job(store, "other", other)

    cancel_session(store, ANN, session.session_id)

    status = {job_id: store.job(job_id).status for job_id in ("running", "queued", "other")}
    assert status == {"running": "RUNNING", "queued": "CANCELLED", "other": "QUEUED"}


def test_closing_twice_is_closing_once(store):
    session = create_session(store, ANN, "aer")

    first = close_session(store, ANN, session.session_id)

    assert close_session(store, ANN, session.session_id) == first


def test_a_session_that_starts_while_it_is_closed_keeps_both_changes(store):
    session = create_session(store, ANN, "aer")
    started = replace(session, started=store.now())
    put = store.put_session

    def start_first(changed, *, expected):
        store.put_session = put
        put(started, expected=session)
        return put(changed, expected=expected)

    store.put_session = start_first
    close_session(store, ANN, session.session_id)

    held = store.session(session.session_id)
    assert (held.started, held.accepting) == (started.started, False)


def test_a_job_joins_an_open_session_of_its_user_and_backend(store):
    session = create_session(store, ANN, "aer")

    check_session(store, ANN, joining(session))
    check_session(store, BOB, JobOptions("aer"))
    for caller in (BOB, ROOT):
        with pytest.raises(SessionNotFoundError):
            check_session(store, caller, joining(session))
    with pytest.raises(InvalidInputError, match="on backend 'aer'"):
        check_session(store, ANN, joining(session, "fake_manila"))


def test_a_job_does_not_join_a_session_that_has_ended(store):
    session = create_session(store, ANN, "aer")
    store.put_session(replace(session, closed=store.now()), expected=session)

    with pytest.raises(InvalidStateError):
        check_session(store, ANN, joining(session))


def test_a_user_queues_as_many_jobs_as_he_may_and_no_more():
    check_room(4, 5)
    check_room(10**6, None)
    with pytest.raises(TooManyRequestsError, match="5 jobs queued, and may have 5") as caught:
        check_room(5, 5, retry_after=7)

    assert caught.value.retry_after == 7
