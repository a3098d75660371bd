# SPDX-License-Identifier: Apache-2.0
"""The store in memory: moves, events, look-ups."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qruntime.core.jobs import SOURCES, EventKind, Job, JobOptions, JobStatus, JobUsage
from qruntime.core.programs import Program, ProgramMetadata, ProgramSource
from qruntime.errors import DuplicateProgramError, JobNotFoundError, ProgramNotFoundError
from qruntime.store.memory import MemoryStore

START = datetime(2026, 1, 1, tzinfo=UTC)


def a_store() -> MemoryStore:
    ticks = itertools.count()
    return MemoryStore(now=lambda: START + timedelta(seconds=next(ticks)))


def a_job(store: MemoryStore, job_id: str = "j") -> Job:
    job = Job(job_id, "p", JobOptions("aer_simulator"), "{}", created=store.now())
    store.add_job(job)
    return job


def a_program(program_id: str = "p") -> Program:
    source = ProgramSource({"program.py": b"def main(backend, user_messenger): ..."}, "program.py")
    return Program(program_id, source, ProgramMetadata("P"), created=START, updated=START)


@given(st.lists(st.sampled_from(list(JobStatus)), max_size=12))
def test_a_job_moves_exactly_where_the_table_of_moves_allows(wanted):
    store = a_store()
    a_job(store)
    status = JobStatus.QUEUED
    for to in wanted:
        legal = status in SOURCES[to]

        assert store.move("j", to) is legal

        status = to if legal else status
        assert store.job("j").status is status


def test_of_many_threads_that_end_a_job_exactly_one_succeeds():
    store = a_store()
    a_job(store)
    store.move("j", JobStatus.RUNNING)
    won: list[str] = []
    barrier = threading.Barrier(8)

    def end(result: str) -> None:
        barrier.wait()
        if store.move("j", JobStatus.COMPLETED, result=result):
            won.append(result)

    threads = [threading.Thread(target=end, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert store.job("j").result == won[0]


def test_cursors_are_dense_from_one_and_a_reader_resumes_from_any():
    store = a_store()
    a_job(store)
    store.move("j", JobStatus.RUNNING)
    for number in range(5):
        store.append("j", EventKind.INTERIM_RESULT, str(number))
    store.move("j", JobStatus.COMPLETED, result="1")

    events = store.events("j")

    assert [event.cursor for event in events] == list(range(1, 9))
    for cursor in range(9):
        assert store.events("j", after=cursor) == events[cursor:]


def test_nothing_is_written_to_a_job_after_its_end():
    store = a_store()
    a_job(store)
    store.move("j", JobStatus.CANCELLED)
    before = store.events("j")

    store.append("j", EventKind.INTERIM_RESULT, "1")
    store.record("j", usage=JobUsage(1, 1, 1))

    assert store.events("j") == before
    assert store.job("j").usage == JobUsage()


def test_start_and_end_are_stamped():
    store = a_store()
    job = a_job(store)
    store.move("j", JobStatus.RUNNING)
    store.move("j", JobStatus.COMPLETED)

    held = store.job("j")

    assert job.created < held.started < held.ended


def test_a_waiter_wakes_at_the_change_that_it_waits_for():
    store = a_store()
    a_job(store)
    woke = threading.Event()

    def wait() -> None:
        if store.wait_for(lambda: len(store.events("j")) >= 3, timeout=30):
            woke.set()

    thread = threading.Thread(target=wait)
    thread.start()
    store.append("j", EventKind.LOG, "one")
    store.append("j", EventKind.LOG, "two")
    thread.join(30)

    assert woke.is_set()


def test_a_second_program_of_one_id_is_refused_and_says_what_to_do():
    store = a_store()
    store.add_program(a_program())

    with pytest.raises(DuplicateProgramError, match="update_program"):
        store.add_program(a_program())


def test_what_is_not_there_is_named():
    store = a_store()
    store.add_program(a_program("bell"))

    with pytest.raises(ProgramNotFoundError, match="no program 'vqe'; known: bell"):
        store.program("vqe")
    with pytest.raises(ProgramNotFoundError):
        store.put_program(a_program("vqe"))
    with pytest.raises(ProgramNotFoundError):
        store.delete_program("vqe")
    for call in (store.job, store.events, store.delete_job):
        with pytest.raises(JobNotFoundError, match="no job 'x'"):
            call("x")


def test_a_replaced_program_is_the_one_that_is_found():
    store = a_store()
    store.add_program(a_program())
    changed = replace(a_program(), metadata=ProgramMetadata("Q"))

    store.put_program(changed)

    assert store.programs() == [changed]
