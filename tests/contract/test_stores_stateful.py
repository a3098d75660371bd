# SPDX-License-Identifier: Apache-2.0
"""Any sequence of calls leaves a store as it leaves a model of plain dictionaries."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qruntime.core.jobs import (
    SOURCES,
    EventKind,
    IdempotencyKey,
    Job,
    JobOptions,
    JobQuery,
    JobStatus,
    JobUsage,
    NewEvent,
)
from qruntime.errors import IdempotencyConflictError, InvalidStateError, JobNotFoundError
from qruntime.store.memory import MemoryStore

JOBS = st.sampled_from("abc")
ATTEMPTS = st.integers(0, 3)
STATES = st.sampled_from(list(JobStatus))
TEXTS = st.sampled_from(["{}", "", "\0\ud800", "long"]).map(
    lambda text: text * 20_000 if text == "long" else text
)
FINAL = {status for status in JobStatus if status.final}


class Model(RuleBasedStateMachine):
    """What a store should hold: for each job a few facts, in the order of submission."""

    def __init__(self) -> None:
        super().__init__()
        ticks = itertools.count()
        self.store = self.open(lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(0, next(ticks)))
        self.jobs: dict[str, dict] = {}
        self.keys: dict[str, tuple[str, str]] = {}

    def open(self, now):
        return MemoryStore(now=now)

    def runs(self, job_id, attempt):
        job = self.jobs.get(job_id)
        return bool(job) and (job["status"], job["attempt"]) == ("RUNNING", attempt)

    def add_to_model(self, job_id, inputs):
        self.jobs[job_id] = {
            "status": "QUEUED",
            "attempt": 0,
            "beat": 0,
            "usage": JobUsage(),
            "inputs": inputs,
            "result": None,
            "tags": (),
            "events": ["QUEUED"],
        }

    def job(self, job_id, inputs):
        return Job(job_id, "p", JobOptions("aer"), inputs, self.store.now())

    @rule(job_id=JOBS, inputs=TEXTS)
    def add(self, job_id, inputs):
        held = self.store.add_job(self.job(job_id, inputs))
        if job_id not in self.jobs:
            self.add_to_model(job_id, inputs)
        assert held.inputs == self.jobs[job_id]["inputs"]

    @rule(job_id=JOBS, key=st.sampled_from("kl"), body=st.sampled_from("12"))
    def submit(self, job_id, key, body):
        given = IdempotencyKey("ann", key, body)
        before = self.keys.get(key)
        if before is not None and before[0] != body:
            with pytest.raises(IdempotencyConflictError):
                self.store.add_job(self.job(job_id, "{}"), key=given)
        elif before is not None and before[1] not in self.jobs:
            with pytest.raises(JobNotFoundError):
                self.store.add_job(self.job(job_id, "{}"), key=given)
        else:
            held = self.store.add_job(self.job(job_id, "{}"), key=given)
            self.keys.setdefault(key, (body, job_id))
            assert held.job_id == self.keys[key][1]
            if held.job_id not in self.jobs:
                self.add_to_model(job_id, "{}")

    @rule(job_id=JOBS, to=STATES, attempt=st.none() | ATTEMPTS, result=st.none() | TEXTS)
    def move(self, job_id, to, attempt, result):
        job = self.jobs.get(job_id)
        fields = {"result": result} if to is JobStatus.COMPLETED else {}
        legal = bool(job) and job["status"] in SOURCES[to] and attempt in (None, job["attempt"])

        moved = self.store.move(job_id, to, attempt=attempt, **fields)

        assert (moved is not None) is legal
        if legal:
            job["status"] = to
            job["result"] = fields.get("result", job["result"])
            job["events"].append(to)
            if to is JobStatus.RUNNING:
                job["attempt"], job["beat"] = job["attempt"] + 1, 0
            assert moved == self.store.job(job_id)

    @rule(job_id=JOBS, attempt=ATTEMPTS, lines=st.lists(TEXTS, max_size=3))
    def append(self, job_id, attempt, lines):
        events = [NewEvent(EventKind.LOG, line) for line in lines]
        assert self.store.append(job_id, attempt, events) is self.runs(job_id, attempt)
        if self.runs(job_id, attempt):
            self.jobs[job_id]["events"] += lines

    @rule(pairs=st.lists(st.tuples(JOBS, ATTEMPTS)))
    def beat(self, pairs):
        alive = {job_id for job_id, attempt in pairs if self.runs(job_id, attempt)}
        assert self.store.beat(pairs) == alive
        for job_id in alive:
            self.jobs[job_id]["beat"] += 1

    @rule(job_id=JOBS, attempt=ATTEMPTS, runs=st.integers(0, 1 << 40))
    def append_usage(self, job_id, attempt, runs):
        usage = JobUsage(runs, 1, 2)
        assert self.store.append(job_id, attempt, [], usage) is self.runs(job_id, attempt)
        if self.runs(job_id, attempt):
            self.jobs[job_id]["usage"] = usage

    @rule(job_id=JOBS, tags=st.lists(st.sampled_from("xyz"), max_size=3))
    def set_tags(self, job_id, tags):
        if job_id not in self.jobs:
            with pytest.raises(JobNotFoundError):
                self.store.set_tags(job_id, tags)
            return
        self.store.set_tags(job_id, tags)
        self.jobs[job_id]["tags"] = tuple(tags)

    @rule(job_id=JOBS)
    def delete(self, job_id):
        if job_id not in self.jobs:
            with pytest.raises(JobNotFoundError):
                self.store.delete_job(job_id)
        elif self.jobs[job_id]["status"] not in FINAL:
            with pytest.raises(InvalidStateError):
                self.store.delete_job(job_id)
        else:
            self.store.delete_job(job_id)
            del self.jobs[job_id]

    @precondition(lambda self: self.jobs)
    @rule()
    def forget_all_that_ended(self):
        ended = [job_id for job_id, job in self.jobs.items() if job["status"] in FINAL]
        assert self.store.forget_before(self.store.now()) == len(ended)
        for job_id in ended:
            del self.jobs[job_id]

    @invariant()
    def the_store_holds_what_the_model_holds(self):
        newest_first = list(reversed(self.jobs))
        assert [job.job_id for job in self.store.jobs(JobQuery())] == newest_first
        assert self.store.count_jobs(JobQuery()) == len(self.jobs)
        for job_id, job in self.jobs.items():
            held = self.store.job(job_id)
            facts = (held.status, held.attempt, held.beat, held.usage, held.inputs, held.result)
            assert facts == tuple(
                job[name] for name in ("status", "attempt", "beat", "usage", "inputs", "result")
            )
            assert (held.ended is not None) is (job["status"] in FINAL)
            assert held.options.tags == job["tags"]
            events = self.store.events(job_id)
            assert [event.data for event in events] == job["events"]
            assert [event.cursor for event in events] == list(range(1, len(events) + 1))

    @invariant()
    def the_dispatcher_sees_what_has_not_ended(self):
        states = {state.job_id: state for state in self.store.unfinished()}
        waiting = [job_id for job_id, job in self.jobs.items() if job["status"] not in FINAL]
        assert list(states) == waiting
        for job_id in waiting:
            job = self.jobs[job_id]
            assert (states[job_id].status, states[job_id].attempt) == (
                job["status"],
                job["attempt"],
            )

    @invariant()
    def tags_find_the_jobs_that_have_them(self):
        for tag in "xyz":
            found = {job.job_id for job in self.store.jobs(JobQuery(tags=(tag,)))}
            assert found == {job_id for job_id, job in self.jobs.items() if tag in job["tags"]}


class SqliteModel(Model):
    template: Path

    def open(self, now):
        from qruntime.store.sql import open_store

        self.folder = Path(tempfile.mkdtemp(prefix="qruntime-model-"))
        shutil.copy(self.template, self.folder / "store.db")
        return open_store(f"sqlite:///{self.folder}/store.db", "memory://", now=now)

    def teardown(self):
        self.store.close()
        shutil.rmtree(self.folder)


def check(model, examples):
    from hypothesis.stateful import run_state_machine_as_test

    limits = settings(max_examples=examples, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(model, settings=limits)


def test_any_sequence_of_calls_leaves_the_store_in_memory_as_the_model():
    check(Model, 60)


@pytest.mark.slow
def test_any_sequence_of_calls_leaves_the_store_in_sqlite_as_the_model(sqlite_template):
    SqliteModel.template = sqlite_template
    check(SqliteModel, 40)
