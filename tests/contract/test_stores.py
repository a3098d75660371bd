# SPDX-License-Identifier: Apache-2.0
"""What every store promises of jobs and their events."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qruntime.core.jobs import (
    SOURCES,
    EventKind,
    IdempotencyKey,
    Job,
    JobFailure,
    JobOptions,
    JobQuery,
    JobStatus,
    JobUsage,
    NewEvent,
)
from qruntime.errors import (
    IdempotencyConflictError,
    InvalidStateError,
    JobNotFoundError,
)
from qruntime.store.bell import QUEUE

RUNNING, QUEUED, COMPLETED = JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.COMPLETED
LONG = "0123456789 é\n" * 20_000
STRANGE = "a zero \0, half a pair \ud800, all of it 🎲"


def add(store, job_id="j", *, owner="local", program="p", backend="aer", key=None, **options):
    job = Job(job_id, program, JobOptions(backend, **options), "{}", store.now(), owner=owner)
    return store.add_job(job, key=key)


def start(store, job_id="j"):
    return store.move(job_id, RUNNING)


def log(*lines):
    return [NewEvent(EventKind.LOG, line, "INFO") for line in lines]


def at_once(count, act):
    """Call ``act(number)`` in as many threads at the same time; return what they returned."""
    barrier = threading.Barrier(count)
    found = []

    def run(number):
        barrier.wait(60)
        found.append(act(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert len(found) == count
    return found


# jobs, as they are held


@pytest.mark.parametrize(
    "text", ["{}", "", LONG, STRANGE], ids=["short", "empty", "long", "strange"]
)
def test_a_job_comes_back_as_it_went_in(store, text):
    options = JobOptions(
        "aer",
        log_level="DEBUG",
        tags=("b", "a", "b"),
        max_execution_time=1.5,
        session_id="s",
        session_time=2.0,
        image="x:1",
        backend_options={"shots": 3, "angles": [0.5, 1j]},
        priority=-4,
        start_deadline=0.25,
        max_attempts=3,
    )
    job = Job("j", "p", options, text, store.now(), owner="ann", version="f" * 64)

    assert store.add_job(job) == job
    assert store.job("j") == job


@pytest.mark.parametrize(
    "text", ["1", "", LONG, STRANGE], ids=["short", "empty", "long", "strange"]
)
def test_a_move_to_the_end_holds_result_failure_usage_and_isolation(store, text):
    add(store)
    start(store)
    failure = JobFailure("job_failed", "no\0", "Traceback\ud800")

    moved = store.move(
        "j",
        COMPLETED,
        result=text,
        failure=failure,
        usage=JobUsage(1, 2, 1 << 40),
        isolation="full",
    )

    assert moved == store.job("j")
    assert (moved.result, moved.failure, moved.isolation) == (text, failure, "full")
    assert moved.usage == JobUsage(1, 2, 1 << 40)


def test_a_claimed_job_comes_whole(store):
    add(store)
    job = replace(store.job("j"), job_id="long", inputs=LONG)
    store.add_job(job)

    assert start(store, "long").inputs == LONG


def test_a_job_of_an_id_that_is_there_is_not_added_again(store):
    first = add(store)
    start(store)

    again = store.add_job(replace(first, inputs="other"))

    assert again.status is RUNNING
    assert again == store.job("j")
    assert len(store.events("j")) == 2


def test_what_is_not_there_is_named(store):
    for call in (store.job, store.events, store.delete_job):
        with pytest.raises(JobNotFoundError, match="no job 'x'"):
            call("x")
    with pytest.raises(JobNotFoundError, match="no job 'x'"):
        store.set_tags("x", ["a"])
    assert store.move("x", RUNNING) is None
    assert not store.append("x", 1, log("a"))
    assert not store.append("x", 1, [], JobUsage())
    assert store.beat([("x", 1)]) == set()


# moves


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(st.sampled_from(list(JobStatus)), max_size=8))
def test_a_job_moves_exactly_where_the_table_of_moves_allows(store, wanted):
    job_id = f"j{store.count_jobs(JobQuery())}"
    status = add(store, job_id).status
    for to in wanted:
        legal = status in SOURCES[to]

        assert (store.move(job_id, to) is not None) is legal

        status = to if legal else status
        assert store.job(job_id).status is status


def test_a_start_counts_the_attempt_stamps_it_and_clears_the_beat(store):
    job = add(store, max_attempts=2)

    first = start(store)
    store.beat([("j", 1)])
    assert store.job("j").beat == 1
    store.move("j", QUEUED, attempt=1)
    second = start(store)

    assert (first.attempt, second.attempt) == (1, 2)
    assert second.beat == 0
    assert job.created < first.started < second.started
    assert second.ended is None


def test_only_an_end_is_stamped_as_one(store):
    add(store)
    start(store)

    ended = store.move("j", COMPLETED)

    assert ended.started < ended.ended


def test_a_worker_of_an_earlier_attempt_is_not_heard(store):
    add(store)
    start(store)
    store.move("j", QUEUED)
    start(store)
    before = store.events("j"), store.job("j")

    assert store.move("j", COMPLETED, attempt=1, result="late") is None
    assert not store.append("j", 1, log("late"))
    assert not store.append("j", 1, [], JobUsage(9, 9, 9))
    assert store.beat([("j", 1)]) == set()

    assert (store.events("j"), store.job("j")) == before


def test_nothing_is_written_to_a_job_after_its_end(store):
    add(store)
    start(store)
    store.move("j", JobStatus.CANCELLED)
    before = store.events("j"), store.job("j")

    assert store.move("j", COMPLETED, attempt=1, result="late") is None
    assert not store.append("j", 1, log("late"))
    assert not store.append("j", 1, [], JobUsage(9, 9, 9))
    assert store.beat([("j", 1)]) == set()

    assert (store.events("j"), store.job("j")) == before


def test_a_field_that_no_move_has_is_a_mistake_of_the_caller(store):
    add(store)

    with pytest.raises(TypeError):
        store.move("j", JobStatus.CANCELLED, owner="eve")


def test_of_many_threads_that_end_a_job_exactly_one_succeeds(store):
    add(store)
    start(store)

    moved = at_once(8, lambda number: store.move("j", COMPLETED, attempt=1, result=str(number)))

    (won,) = [job for job in moved if job]
    assert store.job("j") == won
    assert [event.data for event in store.events("j")] == [QUEUED, RUNNING, COMPLETED]


def test_of_many_dispatchers_one_starts_each_job(store):
    for number in range(10):
        add(store, f"j{number}")

    def claim_all(_number):
        return [job for state in store.unfinished() if (job := start(store, state.job_id))]

    claimed = [job for jobs in at_once(4, claim_all) for job in jobs]

    assert sorted(job.job_id for job in claimed) == [f"j{number}" for number in range(10)]
    assert {job.attempt for job in claimed} == {1}


# events


def test_a_job_begins_with_the_event_of_its_state(store):
    add(store)

    (event,) = store.events("j")

    assert (event.cursor, event.kind, event.data, event.attempt) == (1, "status", "QUEUED", 0)


def test_cursors_are_dense_from_one_and_a_reader_resumes_from_any(store):
    add(store)
    start(store)
    store.append("j", 1, log("0", "1"))
    store.append("j", 1, [])
    store.append("j", 1, [NewEvent(EventKind.INTERIM_RESULT, LONG)])
    store.move("j", COMPLETED)

    events = store.events("j")

    assert [event.cursor for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.data for event in events] == [QUEUED, RUNNING, "0", "1", LONG, COMPLETED]
    assert [event.attempt for event in events] == [0, 1, 1, 1, 1, 1]
    for cursor in range(8):
        assert store.events("j", after=cursor) == events[cursor:]
        assert store.events("j", after=cursor, limit=2) == events[cursor : cursor + 2]


@pytest.mark.parametrize("text", ["", STRANGE, LONG], ids=["empty", "strange", "long"])
def test_an_event_comes_back_as_it_went_in(store, text):
    add(store)
    start(store)
    store.append("j", 1, [NewEvent(EventKind.LOG, text, "STDOUT")])

    event = store.events("j")[-1]

    assert (event.kind, event.data, event.level) == (EventKind.LOG, text, "STDOUT")
    assert event.created.tzinfo is not None


def test_cursors_stay_dense_and_batches_whole_when_many_append_at_once(store):
    add(store)
    start(store)

    def append(number):
        return all(store.append("j", 1, log(f"{number}a", f"{number}b")) for _ in range(5))

    assert all(at_once(6, append))

    events = store.events("j")
    assert [event.cursor for event in events] == list(range(1, 63))
    lines = [event.data for event in events[2:]]
    assert all(
        (first[:-1], first[-1], second[-1]) == (second[:-1], "a", "b")
        for first, second in zip(lines[::2], lines[1::2], strict=True)
    )


def test_no_event_follows_the_end_of_a_job_that_is_ended_while_others_append(store):
    add(store)
    start(store)

    def act(number):
        if number == 0:
            return store.move("j", COMPLETED) is not None
        return [store.append("j", 1, log("x")) for _ in range(5)]

    appended = sum(sum(done) for done in at_once(4, act) if isinstance(done, list))

    events = store.events("j")
    assert events[-1].data == COMPLETED
    assert len(events) == 3 + appended


# usage and beats


def test_a_running_attempt_writes_its_usage_and_no_event(store):
    add(store)
    start(store)

    assert store.append("j", 1, [], JobUsage(1, 2, 3))

    assert store.job("j").usage == JobUsage(1, 2, 3)
    assert len(store.events("j")) == 2


def test_usage_is_written_with_the_events_it_belongs_to(store):
    add(store)
    start(store)

    assert store.append("j", 1, log("a"), JobUsage(1, 2, 3))
    assert not store.append("j", 2, log("b"), JobUsage(9, 9, 9))
    assert store.append("j", 1, log("c"))

    assert store.job("j").usage == JobUsage(1, 2, 3)
    assert [event.data for event in store.events("j")][2:] == ["a", "c"]


def test_a_move_appends_its_events_before_its_own(store):
    add(store)
    start(store)
    store.append("j", 1, log("a"))

    moved = store.move(
        "j", COMPLETED, attempt=1, result="1", usage=JobUsage(1, 2, 3), events=log("b", LONG)
    )

    events = store.events("j")
    assert [event.data for event in events] == [
        JobStatus.QUEUED,
        RUNNING,
        "a",
        "b",
        LONG,
        COMPLETED,
    ]
    assert [event.cursor for event in events] == [1, 2, 3, 4, 5, 6]
    assert {event.attempt for event in events[1:]} == {1}
    assert (moved.result, moved.usage) == ("1", JobUsage(1, 2, 3))


def test_a_move_that_is_refused_appends_nothing(store):
    add(store)
    start(store)

    assert store.move("j", COMPLETED, attempt=2, events=log("b")) is None
    assert len(store.events("j")) == 2


def test_beats_count_for_those_that_still_run_and_tell_who_they_are(store):
    for job_id in "abc":
        add(store, job_id)
        start(store, job_id)
    store.move("b", COMPLETED)

    assert store.beat([("a", 1), ("b", 1), ("c", 2), ("nobody", 1)]) == {"a"}
    assert store.beat(iter([])) == set()

    assert [store.job(job_id).beat for job_id in "abc"] == [1, 0, 0]


def test_more_beats_than_fit_in_one_statement_all_count(store):
    for number in range(5):
        add(store, f"j{number}")
        start(store, f"j{number}")
    pairs = [(f"none{number}", 1) for number in range(2_000)]
    pairs += [(f"j{number}", 1) for number in range(5)]

    assert store.beat(pairs) == {f"j{number}" for number in range(5)}


# submissions


def test_a_submission_repeated_is_the_job_of_then(store):
    key = IdempotencyKey("ann", "k", "digest")
    first = add(store, "first", key=key)
    start(store, "first")

    again = add(store, "second", key=key)

    assert again == store.job("first")
    assert (again.job_id, again.status) == (first.job_id, RUNNING)
    assert [job.job_id for job in store.jobs(JobQuery())] == ["first"]


def test_a_key_used_for_another_body_is_refused_and_nothing_is_added(store):
    add(store, "first", key=IdempotencyKey("ann", "k", "digest"))

    with pytest.raises(IdempotencyConflictError, match="'k'"):
        add(store, "second", key=IdempotencyKey("ann", "k", "other"))

    assert store.count_jobs(JobQuery()) == 1


def test_two_users_may_choose_the_same_key(store):
    add(store, "first", key=IdempotencyKey("ann", "k", "1"))
    add(store, "second", key=IdempotencyKey("bob", "k", "2"))

    assert store.count_jobs(JobQuery()) == 2


def test_of_many_submissions_with_one_key_one_makes_a_job(store):
    key = IdempotencyKey("ann", "k", "digest")

    got = at_once(8, lambda number: add(store, f"j{number}", key=key))

    (held,) = store.jobs(JobQuery())
    assert {job.job_id for job in got} == {held.job_id}


def test_a_key_whose_job_was_deleted_says_so(store):
    key = IdempotencyKey("ann", "k", "digest")
    add(store, key=key)
    store.move("j", JobStatus.CANCELLED)
    store.delete_job("j")

    with pytest.raises(JobNotFoundError):
        add(store, "second", key=key)


# look-ups


def test_a_list_is_newest_first_and_has_no_inputs_or_results(store):
    add(store, "a")
    start(store, "a")
    store.move("a", COMPLETED, result="1")
    add(store, "b", tags=("t",))

    listed = store.jobs(JobQuery())

    assert listed == [replace(store.job(job_id), inputs="", result=None) for job_id in ("b", "a")]


def test_pages_follow_each_other_without_gap_or_overlap(store):
    for number in range(7):
        add(store, f"j{number}", owner="ann" if number % 2 else "bob")

    def pages(**narrowed):
        after, found = None, []
        while page := store.jobs(JobQuery(after=after, limit=2, **narrowed)):
            assert len(page) <= 2
            found += [job.job_id for job in page]
            after = found[-1]
        return found

    assert pages() == [f"j{number}" for number in reversed(range(7))]
    assert pages(owner="ann") == ["j5", "j3", "j1"]
    assert [job.job_id for job in store.jobs(JobQuery(owner="ann", after="j4"))] == ["j3", "j1"]


def test_a_page_after_a_job_that_is_not_there_is_refused(store):
    add(store)

    with pytest.raises(JobNotFoundError, match="no job 'gone'"):
        store.jobs(JobQuery(after="gone"))


def test_queries_narrow_by_everything_that_they_name(store):
    add(store, "a", owner="ann", program="vqe", backend="aer", tags=("x", "y"))
    add(store, "b", owner="bob", program="vqe", backend="fake", session_id="s", tags=("x",))
    add(store, "c", owner="ann", program="bell", backend="aer")
    start(store, "c")
    store.move("c", COMPLETED)
    middle = store.job("b").created

    def found(**narrowed):
        query = JobQuery(**narrowed)
        ids = "".join(job.job_id for job in store.jobs(query))
        assert store.count_jobs(replace(query, after="a", limit=1)) == len(ids)
        return ids

    assert found() == "cba"
    assert found(owner="ann") == "ca"
    assert found(program_id="vqe", backend_name="fake") == "b"
    assert found(session_id="s") == "b"
    assert found(status=COMPLETED) == "c"
    assert (found(pending=True), found(pending=False)) == ("ba", "c")
    assert (found(tags=("x",)), found(tags=("y", "x")), found(tags=("z",))) == ("ba", "a", "")
    assert (found(created_after=middle), found(created_before=middle)) == ("c", "a")


def test_tags_are_replaced_and_found_anew(store):
    add(store, tags=("old",))

    store.set_tags("j", ["new", "newer"])

    assert store.job("j").options.tags == ("new", "newer")
    assert store.jobs(JobQuery(tags=("old",))) == []
    assert [job.job_id for job in store.jobs(JobQuery(tags=("newer",)))] == ["j"]


def test_the_unfinished_are_oldest_first_with_what_a_dispatcher_needs(store):
    add(store, "a", owner="ann", priority=3, session_id="s", start_deadline=9.5, max_attempts=2)
    add(store, "b")
    add(store, "c")
    start(store, "c")
    store.beat([("c", 1)])
    store.move("b", JobStatus.CANCELLED)

    first, second = store.unfinished()

    assert (first.job_id, first.status, first.owner, first.backend_name) == (
        "a",
        QUEUED,
        "ann",
        "aer",
    )
    assert (first.priority, first.session_id, first.start_deadline) == (3, "s", 9.5)
    assert (first.attempt, first.beat, first.max_attempts) == (0, 0, 2)
    assert first.created == store.job("a").created
    assert (second.job_id, second.status, second.attempt, second.beat) == ("c", RUNNING, 1, 1)


# forgetting


def test_only_a_job_that_has_ended_is_deleted_and_its_events_with_it(store):
    add(store)
    with pytest.raises(InvalidStateError, match="QUEUED: cancel it"):
        store.delete_job("j")
    store.move("j", JobStatus.CANCELLED)

    store.delete_job("j")

    for look in (store.job, store.events):
        with pytest.raises(JobNotFoundError):
            look("j")
    assert store.jobs(JobQuery()) == store.unfinished() == []


def test_jobs_that_ended_before_a_moment_are_forgotten_and_no_others(store, clock):
    for job_id in ("old", "running", "new"):
        add(store, job_id)
    start(store, "running")
    store.move("old", JobStatus.CANCELLED)
    moment = store.now()
    store.move("new", JobStatus.CANCELLED)

    assert store.forget_before(moment) == 1

    assert [job.job_id for job in store.jobs(JobQuery())] == ["new", "running"]
    assert store.forget_before(moment) == 0


def test_a_key_is_kept_for_a_day_longer(store, clock):
    key = IdempotencyKey("ann", "k", "digest")
    add(store, "first", key=key)
    store.forget_before(store.now() + timedelta(hours=23))
    assert add(store, "second", key=key).job_id == "first"

    store.forget_before(store.now() + timedelta(hours=25))

    assert add(store, "second", key=key).job_id == "second"


# the bell


@pytest.mark.parametrize(
    ("change", "topics"),
    [
        (lambda store: add(store, "new"), {"new", QUEUE}),
        (start, {"j", QUEUE}),
        (lambda store: store.set_tags("j", ["a"]), {"j"}),
        (lambda store: store.append("r", 1, log("a")), {"r"}),
        (lambda store: store.append("r", 1, [], JobUsage()), {"r"}),
        (lambda store: store.beat([("r", 1)]), set()),
        (lambda store: store.append("j", 1, log("a")), set()),
        (lambda store: store.move("j", COMPLETED), set()),
    ],
    ids="add move tags append usage beat refused-append refused-move".split(),
)
def test_a_change_rings_for_its_job_and_the_queue_and_nothing_else_does(store, change, topics):
    add(store, "j")
    add(store, "r")
    start(store, "r")
    watched = ("j", "r", "new", QUEUE)
    before = {topic: store.bell.count(topic) for topic in watched}

    change(store)

    assert {topic for topic in watched if store.bell.count(topic) != before[topic]} == topics


def test_a_waiter_wakes_at_the_change_that_it_waits_for(store):
    add(store)
    start(store)
    seen = store.bell.count("j")
    woken = []
    thread = threading.Thread(target=lambda: woken.append(store.bell.wait("j", seen, 60)))
    thread.start()

    store.append("j", 1, log("one"))
    thread.join(60)

    assert woken[0] != seen


def test_a_store_says_that_it_works_and_stamps_in_utc(store):
    store.check()
    store.check()

    assert store.now().utcoffset() == timedelta(0)
    assert isinstance(store.now(), datetime)
    assert store.now().tzinfo is UTC
