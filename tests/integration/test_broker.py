# SPDX-License-Identifier: Apache-2.0
"""Jobs on a backend behind the server: engine, broker and provider are real."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest
from qiskit import QuantumCircuit
from tests.brokered import KEY, NAME, Conversation, device_of, running_job, submit

from qruntime import (
    ExecutionError,
    ExecutionTimeoutError,
    InvalidInputError,
    StoreError,
    UnavailableError,
    UndecodableError,
    wire,
)
from qruntime.backends.brokered import write_request
from qruntime.bootstrap import launcher
from qruntime.core.jobs import EventKind, JobStatus
from qruntime.core.provider_jobs import ProviderJob, ProviderJobState
from qruntime.engine.broker.broker import Broker
from qruntime.engine.broker.reader import Reader
from qruntime.engine.dispatch import EngineSettings
from qruntime.engine.loop import Engine
from qruntime.engine.orders import StoredOrders
from qruntime.store.memory import MemoryStore
from qruntime.testing.http_backend import HttpBackend
from qruntime.testing.provider import StubProvider
from qruntime.worker.task import Frame, FrameKind

SECONDS = 60.0
RUN = """
from qiskit import QuantumCircuit

def main(backend, user_messenger, shots=5, timeout=None):
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure([0, 1], [0, 1])
    job = backend.run([circuit, circuit], timeout, shots=shots)
    return [job.result().get_counts(0), job.job_id()]
"""


class BlindBackend(HttpBackend):
    """A provider's library of the old kind: nothing can be looked up by a token."""

    @property
    def job_by_token(self):
        raise AttributeError


class RefusingBackend(HttpBackend):
    def run(self, run_input, **options):
        raise ValueError("not today")


class PatientBackend(HttpBackend):
    retry_safe = True


@pytest.fixture
def provider():
    made = StubProvider(key=KEY)
    yield made
    made.close()


@pytest.fixture(scope="module")
def reader():
    made = Reader()
    yield made
    made.close()


@pytest.fixture
def talk(provider, reader):
    """Make a conversation with the provider's device."""
    made = []

    def make(kind=HttpBackend):
        made.append(Conversation(device_of(provider, kind), reader))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def starters():
    made = {}

    def get(isolation):
        if isolation not in made:
            made[isolation] = launcher(isolation)
        return made[isolation]

    yield get
    for each in made.values():
        each.close()


class OrdersThatFailOnce(StoredOrders):
    """Orders of a store that cannot be read at first."""

    failed = False

    def take(self, job):
        if not self.failed:
            self.failed = True
            raise StoreError("not now")
        return super().take(job)


class World:
    """A store, and an engine with a broker on it."""

    def __init__(self, provider, starter, orders=StoredOrders):
        self.store = MemoryStore()
        self.broker = Broker(
            self.store, [device_of(provider)], look_seconds=0.05, settle_seconds=0.0
        )
        starter.close = lambda: None  # it is shared
        self.engine = Engine(
            self.store,
            starter,
            orders(self.store, describe=self.broker.describe),
            slots=2,
            settings=EngineSettings(exclusive=True),
            broker=self.broker,
        )

    def close(self):
        self.engine.close(drain_seconds=0.0)
        self.broker.close()

    def end_of(self, job):
        deadline = time.monotonic() + SECONDS
        while True:
            seen = self.store.bell.count(job.job_id)
            now = self.store.job(job.job_id)
            if now.status.final:
                return now
            assert time.monotonic() < deadline, now
            self.store.bell.wait(job.job_id, seen, 1.0)

    def fate_of(self, job, *states):
        """Wait until the one provider's job of a job is in one of these states."""
        deadline = time.monotonic() + SECONDS
        while True:
            held = self.store.provider_jobs(job.job_id)
            if held and held[0].state in states:
                assert len(held) == 1
                return held[0]
            assert time.monotonic() < deadline, held
            threading.Event().wait(0.01)


@pytest.fixture
def world(provider, starters):
    made = []

    def make(isolation="inline", **fields):
        starter = starters(isolation)
        close = starter.close
        made.append((World(provider, starter, **fields), starter, close))
        return made[-1][0]

    yield make
    for world, starter, close in made:
        world.close()
        starter.close = close


def one():
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    return circuit


# a job's way


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_a_program_runs_circuits_whose_job_is_recorded_and_counted(provider, world, isolation):
    there = world(isolation)
    job = there.end_of(submit(there.store, RUN))

    assert job.failure is None
    counts, job_id = json.loads(job.result)
    (at_provider,) = provider.jobs.values()
    (held,) = there.store.provider_jobs(job.job_id)
    assert counts == {"01": 5}
    assert job_id == at_provider.job_id == held.provider_job_id
    assert (held.state, held.token) == (ProviderJobState.DONE, at_provider.token)
    assert (job.usage.runs, job.usage.circuits, job.usage.shots) == (1, 2, 10)


def test_a_job_that_is_launched_at_the_second_try_reaches_its_backend(world):
    there = world(orders=OrdersThatFailOnce)

    job = there.end_of(submit(there.store, RUN))

    assert job.status is JobStatus.COMPLETED


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_a_cancelled_job_is_cancelled_at_the_provider(provider, world, isolation):
    there = world(isolation)
    provider.misbehave(hold_queue=True)
    job = submit(there.store, RUN)
    there.fate_of(job, ProviderJobState.SUBMITTED)

    there.store.move(job.job_id, JobStatus.CANCELLED)

    assert there.fate_of(job, ProviderJobState.CANCELLED)
    assert [each.status for each in provider.jobs.values()] == ["CANCELLED"]


def test_a_cancel_that_does_not_reach_the_provider_is_repeated(provider, world):
    there = world()
    provider.misbehave(hold_queue=True)
    job = submit(there.store, RUN)
    there.fate_of(job, ProviderJobState.SUBMITTED)
    provider.misbehave(fail_requests=100)

    there.store.move(job.job_id, JobStatus.CANCELLED)
    there.fate_of(job, ProviderJobState.UNKNOWN)
    provider.misbehave(fail_requests=0)

    assert there.fate_of(job, ProviderJobState.CANCELLED)
    assert [each.status for each in provider.jobs.values()] == ["CANCELLED"]


def test_a_program_that_dies_leaves_nothing_at_the_provider(provider, world):
    there = world("process")
    provider.misbehave(hold_queue=True)
    tells = "    user_messenger.publish(__import__('os').getpid())\n    job ="
    job = submit(there.store, RUN.replace("    job =", tells))
    there.fate_of(job, ProviderJobState.SUBMITTED)
    told = there.store.events(job.job_id)
    (pid,) = (event.data for event in told if event.kind is EventKind.INTERIM_RESULT)

    os.kill(int(pid), signal.SIGKILL)
    ended = there.end_of(job)

    assert ended.failure.code == "worker_died"
    assert there.fate_of(job, ProviderJobState.CANCELLED)


def test_an_engine_that_stops_cancels_what_runs_at_the_provider(provider, world):
    there = world()
    provider.misbehave(hold_queue=True)
    job = submit(there.store, RUN)
    there.fate_of(job, ProviderJobState.SUBMITTED)

    there.close()

    assert there.fate_of(job, ProviderJobState.CANCELLED)
    assert there.store.job(job.job_id).failure.code == "server_stopped"


def test_a_program_sees_neither_key_nor_address(provider, world):
    there = world("process")
    address = provider.url.rpartition(":")[2]
    half = len(KEY) // 2
    code = """
import re

def main(backend, user_messenger, first, second):
    found = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            if "rw" not in rights:
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            memory.seek(start)
            try:
                data = memory.read(end - start)
            except OSError:
                continue
            for match in re.finditer(re.escape(first.encode()), data):
                found += data[match.end():].startswith(second.encode())
    environment = open("/proc/self/environ").read()
    seen = str([vars(backend), vars(backend._backend), backend.options, environment])
    return [found, seen]
"""
    inputs = json.dumps({"first": KEY[:half], "second": KEY[half:]})
    job = there.end_of(submit(there.store, code, inputs=inputs))

    assert job.failure is None, job.failure
    found, seen = json.loads(job.result)
    assert found == 0
    assert KEY not in seen
    assert f":{address}" not in seen


# errors and time-outs


def test_a_timeout_raises_and_cancels_the_providers_job(provider, talk):
    there = talk()
    provider.misbehave(hold_queue=True)

    with pytest.raises(ExecutionTimeoutError, match=r"timeout of 0\.1 s"):
        there.backend().run(one(), 0.1)

    (held,) = there.store.provider_jobs()
    assert held.state is ProviderJobState.CANCELLED
    assert provider.jobs[held.provider_job_id].status == "CANCELLED"


def test_a_job_that_fails_at_the_provider_raises_its_reason(provider, talk):
    there = talk()
    provider.misbehave(fail_jobs=1)

    with pytest.raises(ExecutionError, match="lost its calibration"):
        there.backend().run(one())

    assert there.store.provider_jobs()[0].state is ProviderJobState.FAILED
    assert there.backend().run(one(), shots=3).result().get_counts() == {"1": 3}


def test_questions_that_fail_are_asked_again(provider, talk):
    backend = talk().backend()
    provider.misbehave(fail_requests=2)

    assert backend.run(one(), shots=3).result().get_counts() == {"1": 3}


def test_a_provider_that_refuses_at_first_gets_the_job_once(provider, talk):
    backend = talk().backend()
    provider.misbehave(refuse_submissions=2)

    backend.run(one())

    assert (provider.submissions, len(provider.jobs)) == (3, 1)


def test_a_provider_that_refuses_for_good_is_an_error_and_is_looked_at_again_later(provider, talk):
    there = talk()
    backend = there.backend()
    provider.misbehave(refuse_submissions=100)

    with pytest.raises(ExecutionError, match="did not take the job"):
        backend.run(one())

    assert there.store.provider_jobs()[0].state is ProviderJobState.UNKNOWN
    assert not provider.jobs


def test_what_the_providers_library_refuses_was_not_submitted(provider, talk):
    there = talk(RefusingBackend)

    with pytest.raises(ExecutionError, match="did not take the job: ValueError: not today"):
        there.backend().run(one())

    assert there.store.provider_jobs()[0].state is ProviderJobState.NOT_SUBMITTED
    assert provider.submissions == 0


def test_a_connection_that_breaks_after_acceptance_is_looked_up_and_not_submitted_again(
    provider, talk
):
    there = talk()
    backend = there.backend()
    provider.misbehave(drop_answers=1)

    job = backend.run(one(), shots=4)

    assert job.result().get_counts() == {"1": 4}
    assert (provider.submissions, list(provider.jobs)) == (1, [job.job_id()])


def test_where_nothing_can_be_looked_up_the_fate_is_unknown_and_nothing_is_submitted_again(
    provider, talk
):
    there = talk(BlindBackend)
    backend = there.backend()
    provider.misbehave(drop_answers=1)

    with pytest.raises(ExecutionError, match="may or may not have the job"):
        backend.run(one())

    assert there.store.provider_jobs()[0].state is ProviderJobState.UNKNOWN
    assert (provider.submissions, len(provider.jobs)) == (1, 1)


def test_a_run_that_is_called_off_is_cancelled_and_the_next_one_runs(provider, talk):
    there = talk()
    provider.misbehave(hold_queue=True)
    text = write_request([one()], {"shots": 3}, None)
    there.line.take(Frame(FrameKind.RUN, text, "first"))
    provider.wait_for_job("QUEUED")

    there.line.take(Frame(FrameKind.CALL_OFF, "", "first"))
    provider.wait_for_job("CANCELLED")
    provider.misbehave(hold_queue=False)

    assert there.backend().run(one(), shots=3).result().get_counts() == {"1": 3}
    states = [held.state for held in there.store.provider_jobs()]
    assert states == [ProviderJobState.CANCELLED, ProviderJobState.DONE]


# what a worker may forge


def test_a_forged_run_is_checked_again_by_the_broker(talk):
    there = talk()
    wide = QuantumCircuit(6, 6)
    wide.x(5)
    ask = there.backend()._ask

    told = [
        json.loads(ask(text))
        for text in (
            "no json",
            "{}",
            write_request([], {}, None),
            write_request([wide], {}, None),
            write_request([one()], {"shots": 10**9}, None),
            write_request([one()], {"client_token": "t"}, None),
            write_request([one()], {}, -1.0),
        )
    ]

    assert all("error" in each for each in told)
    assert "has 6 qubits" in told[3]["message"]
    assert there.store.provider_jobs() == []


def test_a_worker_that_takes_no_answers_is_ended(provider, talk):
    there = talk()
    provider.misbehave(hold_queue=True)

    for number in range(20):
        there.line.take(Frame(FrameKind.RUN, write_request([one()], {}, None), str(number)))

    assert there.failures


def test_an_attempt_that_is_over_submits_nothing(provider, talk):
    there = talk()
    backend = there.backend()
    there.store.move("j", JobStatus.CANCELLED)

    with pytest.raises(ExecutionError, match="nothing was submitted"):
        backend.run(one())

    assert provider.submissions == 0


@pytest.mark.parametrize("kind", ["run", "answer"])
def test_frames_that_are_not_a_workers_to_send_end_the_job(world, kind):
    there = world("process")
    code = (
        "def main(backend, user_messenger):\n"
        "    import qruntime.agent.worker as own\n"
        f'    own.home._connection.sendall(b\'["{kind}", "", "1"]\\n\')\n'
        "    while True: pass\n"
    )
    job = there.end_of(submit(there.store, code, backend_name="aer_simulator"))

    assert job.failure.code == "worker_died"


def test_what_takes_too_much_memory_to_read_is_refused_and_the_next_is_read():
    import numpy as np

    small = Reader(memory_bytes=2**27)
    bomb = wire.encode({"circuits": np.zeros(2**25), "options": {}, "timeout": None})
    try:
        with pytest.raises(UndecodableError):
            small.read(bomb)
        request = small.read(write_request([one()], {"shots": 3}, 2.0))
    finally:
        small.close()

    assert (len(request.circuits), request.options, request.timeout) == (1, {"shots": 3}, 2.0)


def test_a_reader_that_is_killed_is_replaced():
    reader = Reader()
    try:
        reader.read(write_request([one()], {}, None))
        reader._process.kill()
        reader._process.wait()

        assert reader.read(write_request([one()], {}, None)).circuits
    finally:
        reader.close()


# after a crash


def entry_of(job, **fields):
    return ProviderJob(job.job_id, job.attempt, 1, NAME, "token", job.created, **fields)


@pytest.fixture
def crashed(provider):
    """A store whose one job was lost after it had meant to submit; ``settle`` it."""

    class Crashed:
        def __init__(self):
            self.store = MemoryStore()
            self.job = running_job(self.store, max_attempts=2)
            self.store.add_provider_job(entry_of(self.job))

        def lose(self):
            self.store.move("j", JobStatus.FAILED)

        def settle(self, *, kind=HttpBackend, settle_seconds=0.0):
            broker = Broker(self.store, [], settle_seconds=settle_seconds)
            broker._devices = {NAME: device_of(provider, kind)}
            broker.reconcile()
            broker.close()
            (held,) = self.store.provider_jobs()
            return held

    return Crashed()


def test_a_job_that_had_no_id_yet_is_found_by_its_token_and_cancelled(provider, crashed):
    provider.misbehave(hold_queue=True)
    there = HttpBackend(provider.url, KEY).run(one(), client_token="token")
    crashed.lose()

    held = crashed.settle()

    assert (held.state, held.provider_job_id) == (ProviderJobState.CANCELLED, there.job_id())
    assert provider.submissions == 1


def test_a_job_that_was_done_meanwhile_is_recorded_as_done(provider, crashed):
    there = HttpBackend(provider.url, KEY).run(one())
    there.result(SECONDS)
    crashed.store.set_provider_job(
        entry_of(crashed.job), ProviderJobState.SUBMITTED, there.job_id()
    )
    crashed.lose()

    assert crashed.settle(kind=BlindBackend).state is ProviderJobState.DONE


def test_a_job_of_an_attempt_that_runs_is_left_alone(provider, crashed):
    provider.misbehave(hold_queue=True)
    HttpBackend(provider.url, KEY).run(one(), client_token="token")

    assert crashed.settle().state is ProviderJobState.INTENDED
    assert [job.status for job in provider.jobs.values()] == ["QUEUED"]


def test_a_job_that_the_provider_does_not_know_is_unknown_until_none_can_be_on_its_way(crashed):
    crashed.lose()

    assert crashed.settle(settle_seconds=60.0).state is ProviderJobState.UNKNOWN
    assert crashed.settle(settle_seconds=0.0).state is ProviderJobState.NOT_SUBMITTED


def test_a_job_that_nobody_can_be_asked_for_stays_unknown(provider, crashed):
    crashed.lose()

    assert crashed.settle(kind=BlindBackend).state is ProviderJobState.UNKNOWN
    provider.misbehave(fail_requests=1)
    assert crashed.settle().state is ProviderJobState.UNKNOWN
    assert provider.submissions == 0


@pytest.mark.parametrize(
    ("kind", "state", "allowed"),
    [
        (HttpBackend, ProviderJobState.INTENDED, False),
        (HttpBackend, ProviderJobState.UNKNOWN, False),
        (HttpBackend, ProviderJobState.DONE, False),
        (HttpBackend, ProviderJobState.NOT_SUBMITTED, True),
        (PatientBackend, ProviderJobState.DONE, True),
    ],
)
def test_a_job_that_may_have_run_circuits_is_started_again_only_where_that_is_safe(
    provider, crashed, kind, state, allowed
):
    crashed.store.set_provider_job(entry_of(crashed.job), state)
    crashed.store.move("j", JobStatus.QUEUED)
    again = crashed.store.move("j", JobStatus.RUNNING)
    broker = Broker(crashed.store, [])
    broker._devices = {NAME: device_of(provider, kind)}

    assert broker.may_start(crashed.job)
    assert broker.may_start(again) is allowed
    broker.close()


def test_a_job_that_may_not_start_again_fails_and_says_why(provider, world):
    there = world()
    provider.misbehave(hold_queue=True)
    job = submit(there.store, RUN, max_attempts=2)
    there.fate_of(job, ProviderJobState.SUBMITTED)

    there.store.move(job.job_id, JobStatus.QUEUED, attempt=1)  # as after a lost lease
    ended = there.end_of(job)

    assert (ended.failure.code, ended.attempt) == ("worker_lost", 2)
    assert "not repeated unasked" in ended.failure.message
    assert there.fate_of(job, ProviderJobState.CANCELLED)
    assert provider.submissions == 1


def test_a_provider_that_is_away_makes_its_backend_unavailable_and_no_other(provider):
    broker = Broker(MemoryStore(), [device_of(provider)])
    provider.key = "another"

    with pytest.raises(UnavailableError, match="cannot be asked now"):
        broker.catalog().create(NAME)
    assert broker.describe("aer_simulator") == ""
    broker.close()


def test_a_wrong_option_of_a_job_is_refused_by_the_backend_that_the_server_shows(provider):
    broker = Broker(MemoryStore(), [device_of(provider)])
    shown = broker.catalog().create(NAME)

    assert broker.catalog().names() == (NAME,)
    assert (shown.name, shown.num_qubits, shown.max_circuits) == (NAME, 5, 100)
    with pytest.raises(InvalidInputError, match="shots"):
        shown.set_options(shots=10**9)
    with pytest.raises(ExecutionError, match="only for jobs"):
        shown.run(one())
    broker.close()
