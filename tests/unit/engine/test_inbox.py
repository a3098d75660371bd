# SPDX-License-Identifier: Apache-2.0
"""What a worker reports reaches the store whole, once, in order, in few writes."""

from __future__ import annotations

import json
import threading

import pytest

from qruntime.core.jobs import EventKind, JobFailure, JobStatus, JobUsage
from qruntime.engine.inbox import Inbox
from qruntime.errors import StoreError, TooLargeError
from qruntime.store.memory import MemoryStore
from qruntime.worker.task import Frame, FrameKind

from .doubles import FaultyStore, add_job


@pytest.fixture
def store():
    made = MemoryStore()
    add_job(made, "j")
    return made


def inbox_of(store, **settings):
    return Inbox(store, store.move("j", JobStatus.RUNNING), **settings)


def interim(value):
    return Frame(FrameKind.INTERIM_RESULT, str(value))


def written(store):
    return [e.data for e in store.events("j") if e.kind is EventKind.INTERIM_RESULT]


def test_frames_are_written_in_order_and_before_the_end(store):
    inbox = inbox_of(store)
    for number in range(5):
        inbox.receive(interim(number))
    inbox.receive(Frame(FrameKind.RESULT, "9"))
    inbox.flush()

    assert [e.data for e in store.events("j")][2:] == ["0", "1", "2", "3", "4", "COMPLETED"]
    assert store.job("j").result == "9"
    assert inbox.over
    assert not inbox.cut


def test_ten_thousand_interim_results_are_a_few_writes(store):
    calls = []
    append = store.append
    store.append = lambda *args: calls.append(args) or append(*args)
    inbox = inbox_of(store)
    for number in range(10_000):
        inbox.receive(interim(number))
    inbox.flush()

    assert written(store) == [str(number) for number in range(10_000)]
    assert len(calls) == 10


def test_usage_is_recorded_as_it_was_last(store):
    inbox = inbox_of(store)
    for runs in (1, 2):
        usage = {"runs": runs, "circuits": runs, "shots": 5}
        inbox.receive(Frame(FrameKind.USAGE, json.dumps(usage)))
    inbox.flush()

    assert store.job("j").usage == JobUsage(2, 2, 5)


def counted_writes(store):
    calls = []

    def counted(name, real):
        def call(*args, **fields):
            calls.append(name)
            return real(*args, **fields)

        return call

    for name in ("append", "move"):
        setattr(store, name, counted(name, getattr(store, name)))
    return calls


def test_what_comes_last_is_written_with_the_end(store):
    inbox = inbox_of(store)
    calls = counted_writes(store)
    inbox.receive(interim(1))
    inbox.receive(Frame(FrameKind.USAGE, '{"runs": 1, "circuits": 2, "shots": 3}'))
    inbox.receive(Frame(FrameKind.RESULT, "9"))
    inbox.flush()

    assert calls == ["move"]
    assert [e.kind for e in store.events("j")][2:] == ["interim_result", "usage", "status"]
    assert store.job("j").usage == JobUsage(1, 2, 3)


def test_an_interim_result_is_not_held_back_for_the_end(store):
    inbox = inbox_of(store)
    inbox.receive(Frame(FrameKind.USAGE, '{"runs": 1, "circuits": 2, "shots": 3}'))
    inbox.receive(interim(1))
    waiter = threading.Thread(target=inbox.gather, args=(0.0,))
    waiter.start()
    waiter.join(30)
    inbox.flush()

    assert written(store) == ["1"]


def test_of_two_ends_the_first_counts_and_nothing_is_taken_after_it(store):
    inbox = inbox_of(store)
    inbox.receive(Frame(FrameKind.RESULT, "1"))
    inbox.receive(interim(2))
    inbox.end(JobStatus.RAN_TOO_LONG)
    inbox.flush()

    assert store.job("j").status is JobStatus.COMPLETED
    assert written(store) == []


@pytest.mark.parametrize(
    "frame",
    [
        Frame(FrameKind.USAGE, '{"runs": "many"}'),
        Frame(FrameKind.USAGE, "{"),
        Frame(FrameKind.FAILURE, '{"code": 1, "message": "m"}'),
        Frame(FrameKind.FAILURE, '["no"]'),
    ],
)
def test_a_worker_that_sends_what_cannot_be_read_fails_its_job_and_is_stopped(store, frame):
    inbox = inbox_of(store)
    inbox.receive(frame)
    inbox.flush()

    assert store.job("j").failure.code == "worker_died"
    assert inbox.cut


def test_a_late_worker_cannot_write(store):
    inbox = inbox_of(store)
    store.move("j", JobStatus.QUEUED)
    store.move("j", JobStatus.RUNNING)
    inbox.receive(interim(1))
    inbox.receive(Frame(FrameKind.RESULT, "1"))
    inbox.flush()

    assert store.job("j").status is JobStatus.RUNNING
    assert written(store) == []
    assert inbox.over
    assert inbox.cut


def test_a_lost_attempt_drops_everything_but_a_result_that_has_come_is_left_to_the_store(store):
    inbox = inbox_of(store)
    inbox.receive(interim(1))
    inbox.receive(Frame(FrameKind.RESULT, "1"))
    inbox.lose()
    inbox.flush()

    assert store.job("j").result == "1"


@pytest.mark.parametrize("after", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_failing_store_gets_everything_once_and_in_order(store, after, seed):
    inbox = inbox_of(store)
    faulty = inbox._store = FaultyStore(store, chance=0.4, after=after, seed=seed)
    for number in range(60):
        inbox.receive(interim(number))
        try_to_flush(inbox)
    inbox.receive(Frame(FrameKind.RESULT, "1"))
    while not inbox.over:
        try_to_flush(inbox)

    assert faulty.failures > 5
    assert written(store) == [str(number) for number in range(60)]
    assert store.job("j").result == "1"


def try_to_flush(inbox):
    try:
        inbox.flush()
    except StoreError:
        return


def test_a_result_that_the_store_refuses_is_a_failure_that_says_why(store):
    inbox = inbox_of(store)
    move = store.move

    def refuse(job_id, to, **fields):
        if "result" in fields:
            raise TooLargeError("a result has at most 5 bytes")
        return move(job_id, to, **fields)

    store.move = refuse
    inbox.receive(interim(1))
    inbox.receive(Frame(FrameKind.RESULT, "123456"))
    inbox.flush()

    assert written(store) == ["1"]
    assert store.job("j").failure == JobFailure("too_large", "a result has at most 5 bytes")


def test_a_worker_that_reports_faster_than_is_written_waits(store):
    inbox = inbox_of(store, most_characters=3)
    for number in range(3):
        inbox.receive(interim(number))
    sender = threading.Thread(target=inbox.receive, args=(interim(3),))
    sender.start()
    waited = sender.is_alive()
    inbox.flush()
    sender.join(30)
    inbox.flush()

    assert waited
    assert written(store) == ["0", "1", "2", "3"]


def test_a_worker_that_has_waited_in_vain_is_stopped_with_the_cause(store):
    inbox = inbox_of(store, most_characters=2, patience_seconds=0.0)
    for number in range(3):
        inbox.receive(interim(number))
    inbox.flush()

    assert written(store) == ["0", "1"]
    assert store.job("j").failure.code == "output_lost"
    assert inbox.cut


def test_one_frame_larger_than_all_that_is_kept_still_passes(store):
    inbox = inbox_of(store, most_characters=2, patience_seconds=0.0)
    inbox.receive(interim("12345"))
    inbox.flush()

    assert written(store) == ["12345"]
