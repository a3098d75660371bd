# SPDX-License-Identifier: Apache-2.0
"""The engine over a store: claims, beats, reclaims, ends, hands back. Time is given."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from qruntime.core.jobs import EventKind, JobStatus
from qruntime.core.programs import ProgramMetadata, ProgramSource
from qruntime.core.sessions import SessionMode
from qruntime.engine.dispatch import Dispatcher, EngineSettings
from qruntime.engine.loop import Engine
from qruntime.engine.orders import StoredOrders
from qruntime.engine.policy import Rules
from qruntime.errors import ProgramNotFoundError, StoreError
from qruntime.service import jobs, programs
from qruntime.service.access import LOCAL
from qruntime.service.sessions import cancel_session, close_session, create_session
from qruntime.store.memory import MemoryStore

from .doubles import AnyOrder, Clock, FaultyStore, ScriptedLauncher, add_job

WALL = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = 15.0


class World:
    """A store, a clock, and dispatchers that look when they are told to."""

    def __init__(self):
        self.clock = Clock()
        self.wall = WALL
        self.store = MemoryStore(now=lambda: self.wall)

    def dispatcher(self, launcher=None, *, slots=2, orders=None, store=None, **settings):
        return Dispatcher(
            store or self.store,
            launcher or ScriptedLauncher(),
            orders or AnyOrder(),
            slots=slots,
            settings=EngineSettings(lease_seconds=LEASE, **settings),
            clock=self.clock,
        )

    def status(self, job_id="j"):
        return self.store.job(job_id).status

    def pass_time(self, seconds):
        self.clock.now += seconds
        self.wall += timedelta(seconds=seconds)


@pytest.fixture
def world():
    return World()


def see_gone(dispatcher):
    for watch in dispatcher.watches:
        assert watch.join(30)
    while dispatcher.watches:  # the last line of a thread that is about to end
        pass


def test_a_queued_job_is_claimed_launched_and_ended_by_its_result(world):
    launcher = ScriptedLauncher()
    dispatcher = world.dispatcher(launcher)
    add_job(world.store, "j")
    dispatcher.look()
    running = world.store.job("j")
    launcher.next().finish("42")
    see_gone(dispatcher)
    ended = world.store.job("j")

    assert (running.status, running.attempt, running.isolation) == ("RUNNING", 1, "scripted")
    assert running.started == WALL
    assert (ended.status, ended.result) == ("COMPLETED", "42")


def test_two_engines_never_run_one_job_twice(world):
    launchers = [ScriptedLauncher(), ScriptedLauncher()]
    dispatchers = [world.dispatcher(launcher, slots=50) for launcher in launchers]
    for number in range(40):
        add_job(world.store, f"j{number:02d}")
    threads = [threading.Thread(target=dispatcher.look) for dispatcher in dispatchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(40):
        assert any(launcher.launched.acquire(timeout=0.5) for launcher in launchers)
    started = Counter(a.task.inputs for launcher in launchers for a in launcher.attempts)

    assert started == Counter(f"j{number:02d}" for number in range(40))


def test_a_slot_is_free_only_when_its_worker_is_gone_but_the_job_ends_at_once(world):
    launcher = ScriptedLauncher(obedient=False)
    dispatcher = world.dispatcher(launcher, slots=1)
    add_job(world.store, "j")
    dispatcher.look()
    attempt = launcher.next()
    add_job(world.store, "next")
    world.store.move("j", JobStatus.CANCELLED)
    dispatcher.look()
    assert attempt.stopped.wait(30)
    dispatcher.look()
    while_it_lingers = world.status("next")
    attempt.gone.set()
    see_gone(dispatcher)
    dispatcher.look()

    assert while_it_lingers is JobStatus.QUEUED
    assert world.status("next") is JobStatus.RUNNING


def test_a_job_that_runs_longer_than_its_limit_is_ended_and_stopped(world):
    launcher = ScriptedLauncher()
    dispatcher = world.dispatcher(launcher, orders=AnyOrder(limit_seconds=60.0))
    add_job(world.store, "j")
    dispatcher.look()
    attempt = launcher.next()
    attempt.publish(1)
    world.pass_time(60.0)
    see_gone(dispatcher)

    assert world.status() is JobStatus.RAN_TOO_LONG
    assert attempt.stopped.is_set()
    assert world.store.events("j")[-2].data == "1"


def test_a_jump_of_the_wall_clock_ends_no_job_and_takes_none_from_its_worker(world):
    launcher = ScriptedLauncher()
    dispatcher = world.dispatcher(launcher, orders=AnyOrder(limit_seconds=60.0))
    other = world.dispatcher()
    session = create_session(world.store, LOCAL, "aer", max_seconds=3600)
    add_job(world.store, "j", session_id=session.session_id)
    add_job(world.store, "waits", session_id=session.session_id, start_deadline=100.0)
    dispatcher.look()
    launcher.next()
    other.look()
    for days in (1, -2):
        world.wall += timedelta(days=days)
        dispatcher.look()
        dispatcher.beat()
        other.look()

        assert world.status() is JobStatus.RUNNING
        assert world.status("waits") is JobStatus.QUEUED
        assert world.store.session(session.session_id).closed is None


def test_a_beat_that_stands_still_for_the_lease_is_a_lost_worker(world):
    launcher = ScriptedLauncher()
    dead, alive = world.dispatcher(launcher), world.dispatcher(slots=0)
    add_job(world.store, "again", max_attempts=2)
    add_job(world.store, "once")
    dead.look()
    alive.look()
    world.pass_time(LEASE - 0.1)
    alive.look()
    before = {world.status("again"), world.status("once")}
    world.pass_time(0.1)
    alive.look()
    failure = world.store.job("once").failure

    assert before == {JobStatus.RUNNING}
    assert world.status("again") is JobStatus.QUEUED
    assert [e.data for e in world.store.events("again")] == ["QUEUED", "RUNNING", "QUEUED"]
    assert failure.code == "worker_lost"
    assert "started once and may be started 1 in all" in failure.message


def test_a_beat_keeps_a_job(world):
    runs, watches = world.dispatcher(), world.dispatcher(slots=0)
    add_job(world.store, "j")
    runs.look()
    for _ in range(10):
        watches.look()
        world.pass_time(LEASE / 3)
        runs.beat()

    assert world.status() is JobStatus.RUNNING


def test_a_worker_that_was_believed_lost_is_stopped_and_not_heard(world):
    zombie_launcher = ScriptedLauncher()
    zombie, heir = world.dispatcher(zombie_launcher), world.dispatcher()
    add_job(world.store, "j", max_attempts=2)
    zombie.look()
    attempt = zombie_launcher.next()
    heir.look()
    world.pass_time(LEASE)
    heir.look()
    heir.look()
    zombie.beat()
    assert attempt.stopped.wait(30)
    attempt.finish("from the zombie")
    see_gone(zombie)

    assert world.store.job("j").attempt == 2
    assert world.status() is JobStatus.RUNNING


def test_an_exclusive_engine_takes_back_at_once_what_ran_before_it(world):
    add_job(world.store, "again", max_attempts=2)
    add_job(world.store, "once")
    for job_id in ("again", "once"):
        world.store.move(job_id, JobStatus.RUNNING)
        world.store.beat([(job_id, 1)])
    world.dispatcher(exclusive=True, slots=0).look()

    assert world.status("again") is JobStatus.QUEUED
    assert world.store.job("once").failure.code == "worker_lost"


def test_a_job_that_was_claimed_and_never_launched_costs_no_attempt(world):
    add_job(world.store, "j")
    world.store.move("j", JobStatus.RUNNING)
    world.dispatcher(exclusive=True, slots=0).look()

    assert world.status() is JobStatus.QUEUED


def test_a_job_that_misses_its_deadline_fails_and_says_so(world):
    dispatcher = world.dispatcher(slots=0)
    add_job(world.store, "j", start_deadline=30.0)
    world.pass_time(10.0)
    dispatcher.look()
    world.pass_time(19.9)
    dispatcher.look()
    before = world.status()
    world.pass_time(0.1)
    dispatcher.look()

    assert before is JobStatus.QUEUED
    assert world.store.job("j").failure.code == "start_deadline_missed"
    assert "within 30 s" in world.store.job("j").failure.message


def test_a_job_cancelled_between_claim_and_launch_is_not_launched(world):
    launcher = ScriptedLauncher()
    dispatcher = world.dispatcher(launcher)
    beat = world.store.beat

    def cancelled_first(attempts):
        world.store.move("j", JobStatus.CANCELLED)
        return beat(attempts)

    world.store.beat = cancelled_first
    add_job(world.store, "j")
    dispatcher.look()

    assert launcher.attempts == []
    assert not dispatcher.busy


def test_a_launcher_that_fails_fails_the_job_with_its_reason(world):
    class Broken(ScriptedLauncher):
        def launch(self, task, send):
            raise ProgramNotFoundError("no such program")

    dispatcher = world.dispatcher(Broken())
    add_job(world.store, "j")
    dispatcher.look()
    see_gone(dispatcher)

    assert world.store.job("j").failure.code == "program_not_found"


def test_a_worker_that_ends_without_a_word_fails_its_job(world):
    launcher = ScriptedLauncher()
    dispatcher = world.dispatcher(launcher)
    add_job(world.store, "j")
    dispatcher.look()
    launcher.next().gone.set()
    see_gone(dispatcher)

    assert world.store.job("j").failure.code == "worker_died"


def test_a_slot_that_becomes_free_is_filled_without_a_look_and_within_the_limits(world):
    launcher = ScriptedLauncher()
    rules = Rules(running_per_user=1)
    dispatcher = world.dispatcher(launcher, slots=2, rules=rules)
    for job_id, owner in (("a1", "ann"), ("a2", "ann"), ("b", "bob"), ("c", "cid")):
        add_job(world.store, job_id, owner=owner)
    dispatcher.look()
    while len(launcher.attempts) < 2:
        launcher.next()
    world.store.unfinished = None
    dispatcher.refill()
    while_full = world.status("c")
    launcher.attempts[0].finish()
    launcher.attempts[1].finish()
    see_gone(dispatcher)
    dispatcher.refill()

    assert while_full is JobStatus.QUEUED
    assert world.status("c") is JobStatus.RUNNING
    assert world.status("a2") is JobStatus.QUEUED


# sessions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("took", "pause", "idle"), [(0.001, 0.005, True), (0.2, 0.5, False)])
def test_only_a_dear_look_is_followed_by_a_pause_that_nothing_cuts_short(world, took, pause, idle):
    dispatcher = world.dispatcher()
    looks_take(world, took)
    dispatcher.look()

    assert (dispatcher.pause_seconds, dispatcher.idle) == (pytest.approx(pause), idle)


def looks_take(world, seconds):
    unfinished = world.store.unfinished

    def slow():
        world.clock.now += seconds
        return unfinished()

    world.store.unfinished = slow


def test_short_jobs_start_one_after_the_other_while_nobody_looks(world):
    launcher = ScriptedLauncher()
    dispatcher = world.dispatcher(launcher, slots=1, rules=Rules(job_seconds=0.05))
    looks_take(world, 0.2)
    for number in range(30):
        add_job(world.store, f"j{number:02d}")
    dispatcher.look()
    launcher.next().finish()
    see_gone(dispatcher)
    dispatcher.look()
    looked = world.clock.now
    for _ in range(10):
        launcher.next().finish()
        see_gone(dispatcher)
        dispatcher.refill()

    assert [a.task.inputs for a in launcher.attempts] == [f"j{n:02d}" for n in range(12)]
    assert world.clock.now == looked


def test_a_dedicated_session_keeps_its_slot_until_it_has_been_idle(world):
    launcher = ScriptedLauncher()
    dispatcher = world.dispatcher(launcher, slots=1)
    session = create_session(world.store, LOCAL, "aer", idle_seconds=60)
    add_job(world.store, "j", session_id=session.session_id)
    dispatcher.look()
    launcher.next().finish()
    see_gone(dispatcher)
    add_job(world.store, "other")
    dispatcher.look()
    while_idle = world.status("other")
    world.pass_time(60.0)
    dispatcher.look()
    dispatcher.look()

    assert while_idle is JobStatus.QUEUED
    assert world.store.session(session.session_id).started == WALL
    assert world.store.session(session.session_id).closed == WALL + timedelta(seconds=60)
    assert world.status("other") is JobStatus.RUNNING


def test_a_session_past_its_longest_time_ends_what_waits_and_leaves_what_runs(world):
    dispatcher = world.dispatcher(slots=2)
    session = create_session(world.store, LOCAL, "aer", max_seconds=60)
    for job_id in ("runs", "waits"):
        add_job(world.store, job_id, session_id=session.session_id)
    dispatcher.look()
    dispatcher.look()
    world.pass_time(60.0)
    dispatcher.look()
    dispatcher.look()

    assert world.status("runs") is JobStatus.RUNNING
    assert world.store.job("waits").failure.code == "session_ended"


def test_a_closed_session_ends_with_its_last_job(world):
    launcher = ScriptedLauncher()
    dispatcher = world.dispatcher(launcher, slots=2)
    session = create_session(world.store, LOCAL, "aer", SessionMode.BATCH)
    for job_id in ("a", "b"):
        add_job(world.store, job_id, session_id=session.session_id)
    close_session(world.store, LOCAL, session.session_id)
    dispatcher.look()
    before = world.store.session(session.session_id).closed
    cancel_session(world.store, LOCAL, session.session_id)
    while len(launcher.attempts) < 2:
        launcher.next()
    for attempt in launcher.attempts:
        attempt.finish()
    see_gone(dispatcher)
    dispatcher.look()

    assert before is None
    assert world.store.session(session.session_id).closed is not None
    assert {world.status("a"), world.status("b")} == {JobStatus.COMPLETED}


def test_one_of_two_engines_gets_a_session_and_the_other_only_when_that_one_is_gone(world):
    launcher = ScriptedLauncher()
    first, second = world.dispatcher(launcher), world.dispatcher()
    session = create_session(world.store, LOCAL, "aer", idle_seconds=3600)
    add_job(world.store, "j1", session_id=session.session_id)
    first.look()
    launcher.next().finish()
    see_gone(first)
    add_job(world.store, "j2", session_id=session.session_id)
    second.look()
    at_once = world.status("j2")
    world.pass_time(LEASE)
    second.look()

    assert at_once is JobStatus.QUEUED
    assert world.status("j2") is JobStatus.RUNNING


# the threads ----------------------------------------------------------------------------------


def engine_of(store, launcher, *, slots=4, **settings):
    quick = EngineSettings(lease_seconds=0.3, poll_seconds=0.02, **settings)
    return Engine(store, launcher, AnyOrder(), slots=slots, settings=quick)


def wait_until_ended(store, count):
    for number in range(count):
        job_id = f"j{number:03d}"
        while not store.job(job_id).status.final:
            seen = store.bell.count(job_id)
            if not store.job(job_id).status.final:
                store.bell.wait(job_id, seen, 0.2)


def talk_and_finish(attempt):
    attempt.publish(*range(5))
    attempt.finish(attempt.task.inputs)


@pytest.mark.parametrize("seed", range(3))
def test_a_failing_store_loses_no_job_no_result_and_no_interim_result(seed):
    store = MemoryStore()
    faulty = FaultyStore(store, chance=0.06, seed=seed)
    for number in range(30):
        add_job(store, f"j{number:03d}")
    engine = engine_of(faulty, ScriptedLauncher(talk_and_finish), exclusive=True)
    wait_until_ended(store, 30)
    faulty.chance = 0.0
    engine.close()

    assert faulty.failures > 0
    for number in range(30):
        job = store.job(f"j{number:03d}")
        events = store.events(job.job_id)
        results = [e.data for e in events if e.kind is EventKind.INTERIM_RESULT]
        statuses = [e.data for e in events if e.kind is EventKind.STATUS]

        assert (job.status, job.result) == (JobStatus.COMPLETED, job.job_id)
        assert results == ["0", "1", "2", "3", "4"]
        assert statuses[-2:] == ["RUNNING", "COMPLETED"]


def test_four_engines_run_each_of_many_jobs_exactly_once():
    store = MemoryStore()
    launchers = [ScriptedLauncher(talk_and_finish) for _ in range(4)]
    for number in range(100):
        add_job(store, f"j{number:03d}")
    quick = EngineSettings(poll_seconds=0.02)
    engines = [Engine(store, made, AnyOrder(), slots=2, settings=quick) for made in launchers]
    wait_until_ended(store, 100)
    for engine in engines:
        engine.close()
    started = Counter(a.task.inputs for made in launchers for a in made.attempts)

    assert set(started.values()) == {1}
    assert len(started) == 100


def test_a_drained_engine_hands_back_what_may_run_again_and_fails_what_may_not():
    store = MemoryStore()
    launcher = ScriptedLauncher()
    add_job(store, "again", max_attempts=2)
    add_job(store, "once")
    engine = engine_of(store, launcher, slots=2)
    launcher.next()
    launcher.next()
    add_job(store, "queued")
    engine.close(drain_seconds=0.0)

    assert store.job("again").status is JobStatus.QUEUED
    assert store.job("queued").status is JobStatus.QUEUED
    assert store.job("once").failure.code == "server_stopped"
    assert all(attempt.gone.is_set() for attempt in launcher.attempts)
    assert launcher.closed


def test_a_drained_engine_lets_a_job_end_in_its_time():
    store = MemoryStore()
    launcher = ScriptedLauncher()
    add_job(store, "j")
    engine = engine_of(store, launcher)
    attempt = launcher.next()
    closing = threading.Thread(target=engine.close, kwargs={"drain_seconds": 60.0})
    closing.start()
    attempt.finish("1")
    closing.join(30)

    assert not closing.is_alive()
    assert store.job("j").result == "1"


def test_a_store_that_is_down_when_the_result_comes_gets_it_when_it_is_back(world):
    launcher = ScriptedLauncher()
    faulty = FaultyStore(world.store, chance=0.0)
    dispatcher = world.dispatcher(launcher, store=faulty)
    add_job(world.store, "j")
    dispatcher.look()
    attempt = launcher.next()
    faulty.chance = 1.0
    attempt.publish(1, 2)
    attempt.finish("3")
    with pytest.raises(StoreError):
        dispatcher.look()
    faulty.chance = 0.0
    world.pass_time(60.0)
    see_gone(dispatcher)

    assert world.store.job("j").result == "3"
    assert [e.data for e in world.store.events("j")][2:] == ["1", "2", "COMPLETED"]


def test_a_limit_on_a_user_holds_over_all_engines(world):
    limit = Rules(running_per_user=1)
    first, second = world.dispatcher(rules=limit), world.dispatcher(rules=limit)
    for number in range(3):
        add_job(world.store, f"j{number}")
    first.look()
    second.look()
    running = [job for job in world.store.unfinished() if job.status is JobStatus.RUNNING]

    assert len(running) == 1


# orders ---------------------------------------------------------------------------------------


def test_a_stored_order_is_the_version_that_the_job_was_submitted_with():
    store = MemoryStore()
    source = ProgramSource({"p.py": b"def main(backend, user_messenger): ..."}, "p.py")
    metadata = ProgramMetadata("P", max_execution_time=30)
    program = programs.upload_program(store, LOCAL, source, metadata)
    options = replace(add_job(store, "x").options, backend_options={"shots": 5})
    job = jobs.queue_job(store, LOCAL, program.current, '{"n": 1}', options)
    newer = ProgramSource({"p.py": b"def main(backend, user_messenger): 1"}, "p.py")
    programs.update_program(store, LOCAL, program.program_id, source=newer)
    with contextlib.suppress(ProgramNotFoundError):
        store.delete_program(program.program_id)

    order = StoredOrders(store).take(job)

    assert order.task.source == source
    assert order.task.inputs == '{"n": 1}'
    assert order.task.backend_options == '{"shots": 5}'
    assert order.limit_seconds == 30
