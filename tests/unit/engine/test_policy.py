# SPDX-License-Identifier: Apache-2.0
"""Which jobs start, in which order: laws of the policy, by example and by simulation."""

from __future__ import annotations

import functools
import heapq
import itertools
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qruntime.core.jobs import JobStatus
from qruntime.core.sessions import SessionMode
from qruntime.engine.policy import Plan, Reservation, Rules, Running, Waiting, plan, positions
from qruntime.engine.shares import Ledger, Shares
from qruntime.store.base import JobState

USERS = ("ann", "bob", "cid")
BACKENDS = ("aer", "manila")
SESSIONS = ("s0", "s1", "s2", "s3")


@st.composite
def reservations(draw):
    return [
        Reservation(
            name,
            draw(st.sampled_from(USERS)),
            draw(st.sampled_from(BACKENDS)),
            draw(st.sampled_from(SessionMode)),
            created=float(draw(st.integers(0, 50))),
            started=(started := draw(st.sampled_from([True, True, False]))),
            held=(held := started and draw(st.sampled_from([True, True, False]))),
            orphaned=started and not held and draw(st.booleans()),
        )
        for name in draw(st.lists(st.sampled_from(SESSIONS), unique=True))
    ]


@st.composite
def jobs_of(draw, sessions, prefix, most):
    """Jobs as (id, owner, backend, session); a session's are its owner's, on its backend."""
    made = []
    for number in range(draw(st.integers(0, most))):
        session = draw(st.sampled_from([None, *sessions]))
        owner = session.owner if session else draw(st.sampled_from(USERS))
        backend = session.backend_name if session else draw(st.sampled_from(BACKENDS))
        made.append((f"{prefix}{number}", owner, backend, session and session.session_id))
    return made


@st.composite
def situations(draw):
    sessions = draw(reservations())
    waiting = [
        Waiting(
            job_id,
            owner,
            backend,
            created=float(draw(st.integers(0, 100))),
            waited=float(draw(st.integers(0, 100))),
            priority=draw(st.integers(-3, 3)),
            start_deadline=draw(st.sampled_from([None, None, 50.0])),
            session_id=session,
        )
        for job_id, owner, backend, session in draw(jobs_of(sessions, "w", 25))
    ]
    running = [
        Running(job_id, owner, backend, session, here=draw(st.booleans()))
        for job_id, owner, backend, session in draw(jobs_of(sessions, "r", 6))
    ]
    fixed = {
        "slots": draw(st.integers(0, 5)),
        "sessions": sessions,
        "shares": Shares(
            used={user: float(draw(st.integers(0, 100))) for user in USERS},
            weights={user: draw(st.sampled_from([0.5, 1.0, 3.0])) for user in USERS},
            unserved={user: float(draw(st.integers(0, 100))) for user in USERS},
        ),
        "rules": Rules(
            running_per_user=draw(st.sampled_from([None, 1, 2, 4])),
            running_per_backend=draw(st.sampled_from([{}, {"aer": 2}, {"aer": 1, "manila": 3}])),
            priority_seconds=10.0,
        ),
    }
    return waiting, running, fixed


def started(situation):
    waiting, running, fixed = situation
    by_id = {job.job_id: job for job in waiting}
    return [by_id[job_id] for job_id in plan(waiting, running, **fixed).start]


def kept(session, running):
    """Whether some engine keeps an idle slot for a session."""
    if session.mode is not SessionMode.DEDICATED:
        return False
    busy = any(job.session_id == session.session_id for job in running)
    return not busy and (session.held or (session.started and not session.orphaned))


@settings(max_examples=50)
@given(situations(), st.randoms(use_true_random=False))
def test_a_decision_does_not_depend_on_the_order_of_what_is_given(situation, rng):
    waiting, running, fixed = situation
    decided = plan(waiting, running, **fixed)
    rng.shuffle(waiting)
    rng.shuffle(running)
    rng.shuffle(fixed["sessions"])

    assert plan(waiting, running, **fixed) == decided


@settings(max_examples=50)
@given(situations())
def test_no_job_is_started_twice_or_both_started_and_turned_away(situation):
    decided = plan(situation[0], situation[1], **situation[2])
    named = [*decided.start, *decided.expire, *decided.stranded]

    assert len(named) == len(set(named))


@settings(max_examples=50)
@given(situations())
def test_capacity_is_never_exceeded(situation):
    _, running, fixed = situation
    here = sum(job.here for job in running)
    start = started(situation)

    assert here + len(start) <= max(here, fixed["slots"])


@settings(max_examples=50)
@given(situations())
def test_limits_of_users_and_backends_are_never_exceeded(situation):
    _, running, fixed = situation
    rules = fixed["rules"]
    idle = [session for session in fixed["sessions"] if kept(session, running)]
    # a job on a slot that is kept for its session takes the place that the session had
    own = {session.session_id for session in idle if session.held}
    start = [job for job in started(situation) if job.session_id not in own]
    taken = [*running, *idle]
    for name, limit_of in (
        ("owner", lambda _: rules.running_per_user),
        ("backend_name", rules.running_per_backend.get),
    ):
        before = Counter(getattr(item, name) for item in taken)
        after = before + Counter(getattr(item, name) for item in start)
        for key, count in after.items():
            limit = limit_of(key)

            assert limit is None or count <= max(limit, before[key])


@settings(max_examples=200)
@given(situations())
def test_a_slot_that_is_kept_for_a_session_is_never_given_away(situation):
    _, running, fixed = situation
    own = {s.session_id for s in fixed["sessions"] if s.held and kept(s, running)}
    others = [job for job in started(situation) if job.session_id not in own]
    free = fixed["slots"] - sum(job.here for job in running) - len(own)

    assert len(others) <= max(0, free)


@settings(max_examples=50)
@given(situations())
def test_a_dedicated_session_runs_one_job_at_a_time_and_on_one_engine(situation):
    _, running, fixed = situation
    start = Counter(job.session_id for job in started(situation) if job.session_id)
    for session in fixed["sessions"]:
        if session.mode is SessionMode.DEDICATED:
            busy = any(job.session_id == session.session_id for job in running)
            elsewhere = session.started and not session.held and not session.orphaned

            assert start[session.session_id] <= (0 if busy or elsewhere else 1)


@settings(max_examples=50)
@given(situations())
def test_within_a_user_and_backend_nobody_passes_a_job_with_a_better_claim(situation):
    waiting, running, fixed = situation
    decided = plan(waiting, running, **fixed)
    gone = {*decided.start, *decided.expire, *decided.stranded}
    plain = [job for job in waiting if job.session_id is None]
    for job, left in itertools.product(plain, plain):
        same = (job.owner, job.backend_name) == (left.owner, left.backend_name)
        if same and job.job_id in decided.start and left.job_id not in gone:
            assert job.created - 10.0 * job.priority <= left.created - 10.0 * left.priority


@settings(max_examples=50)
@given(situations())
def test_no_slot_stays_free_while_a_job_could_take_it(situation):
    waiting, running, fixed = situation
    fixed = {**fixed, "rules": Rules(), "sessions": []}
    waiting = [replace(job, session_id=None, start_deadline=None) for job in waiting]
    here = sum(job.here for job in running)

    assert len(plan(waiting, running, **fixed).start) == min(
        len(waiting), max(0, fixed["slots"] - here)
    )


@settings(max_examples=50)
@given(situations())
def test_every_eligible_job_has_one_place_and_the_first_is_who_starts_next(situation):
    waiting, _, fixed = situation
    fixed = {**fixed, "rules": Rules(), "sessions": [], "slots": 1}
    decided = plan(waiting, [], **fixed)
    found = positions(waiting, [], **fixed)

    turned_away = {*decided.expire, *decided.stranded}
    assert found.keys() == {job.job_id for job in waiting} - turned_away
    assert sorted(place.place for place in found.values()) == list(range(1, len(found) + 1))
    for job_id in decided.start:
        assert found[job_id].place == 1
        assert found[job_id].starts_in == 0.0


def job(job_id, owner="ann", created=0.0, **fields):
    return Waiting(job_id, owner, "aer", created, **fields)


def test_a_higher_priority_starts_first_and_a_long_wait_makes_up_for_a_low_one():
    rules = Rules(priority_seconds=100.0)
    low, high = job("low", created=0.0), job("high", created=50.0, priority=1)
    late = job("late", created=150.0, priority=1)

    decided = plan([late, high, low], [], slots=3, rules=rules)

    assert decided.start == ("high", "low", "late")


def test_a_priority_does_not_pass_other_users():
    bob = job("bob", "bob", created=1.0)
    mine = [job("ann1", created=2.0, priority=100), job("ann2", created=2.0, priority=100)]

    assert plan([*mine, bob], [], slots=2).start == ("ann1", "bob")


def test_who_runs_more_for_his_weight_waits():
    waiting = [job("a", "ann"), job("b", "bob")]
    running = [
        Running("r1", "ann", "aer"),
        Running("r2", "ann", "aer"),
        Running("r3", "bob", "aer"),
    ]

    equal = plan(waiting, running, slots=4)
    weighted = plan(waiting, running, slots=4, shares=Shares(weights={"ann": 3.0}))

    assert equal.start == ("b",)
    assert weighted.start == ("a",)


def test_a_full_backend_does_not_hold_up_the_same_users_jobs_on_another():
    full = job("full", created=0.0)
    free = replace(job("free", created=1.0), backend_name="manila")
    rules = Rules(running_per_backend={"aer": 1})

    assert plan([full, free], [Running("r", "bob", "aer")], slots=3, rules=rules).start == ("free",)


def test_a_job_whose_deadline_has_come_expires_and_the_next_one_starts():
    late = job("late", created=0.0, waited=5.0, start_deadline=5.0)
    in_time = job("in time", created=1.0, waited=4.9, start_deadline=5.0)

    assert plan([late, in_time], [], slots=1) == Plan(("in time",), ("late",))


def test_a_job_of_a_session_that_has_ended_is_stranded():
    assert plan([job("j", session_id="gone")], [], slots=1) == Plan(stranded=("j",))


def session(mode=SessionMode.DEDICATED, **fields):
    return Reservation("s", "ann", "aer", mode, 0.0, **fields)


def test_an_idle_kept_slot_waits_for_its_session_and_serves_it_before_all_others():
    held = session(started=True, held=True)
    other, mine = job("other", "bob"), job("mine", created=9.0, session_id="s")

    assert plan([other], [], slots=1, sessions=[held]).start == ()
    assert plan([other, mine], [], slots=1, sessions=[held]).start == ("mine",)


def test_a_batch_runs_side_by_side_in_the_place_where_it_began():
    batch = session(SessionMode.BATCH, started=True)
    jobs = [job("b1", created=8.0, session_id="s"), job("b2", created=9.0, session_id="s")]
    between = job("between", created=5.0)

    decided = plan([between, *jobs], [], slots=3, sessions=[batch])

    assert decided.start == ("b1", "b2", "between")


def test_an_estimate_counts_the_rounds_until_a_slot_is_free():
    waiting = [job(f"j{number}", created=float(number)) for number in range(4)]
    running = [Running("r1", "bob", "aer", ran=4.0), Running("r2", "bob", "aer", ran=1.0)]

    found = positions(waiting, running, slots=2, rules=Rules(job_seconds=10.0))

    assert [found[j.job_id].starts_in for j in waiting] == [6.0, 9.0, 16.0, 19.0]


def test_there_is_no_estimate_while_all_slots_are_kept_for_sessions():
    held = session(started=True, held=True)

    assert positions([job("j")], [], slots=1, sessions=[held])["j"].starts_in is None


# over time ------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Arrival:
    at: float
    job_id: str
    owner: str
    seconds: float
    priority: int = 0


def simulate(arrivals, *, slots, rules, weights=None, until, half_life=2000.0, seen=10**6):
    """Run arrivals through the policy; return the starts and the slot-seconds that users had.

    Of each user's jobs only the ``seen`` oldest are shown: of jobs alike the others change nothing.
    """
    ledger = Ledger(half_life_seconds=half_life)
    coming = sorted(arrivals)[::-1]
    waiting, running, ends = {}, {}, []
    starts, had = {}, Counter()
    now = 0.0
    while coming or ends:
        now = min([item.at for item in coming[-1:]] + [end for end, _ in ends[:1]])
        if now >= until:
            break
        while coming and coming[-1].at <= now:
            arrival = coming.pop()
            waiting[arrival.job_id] = arrival
        while ends and ends[0][0] <= now:
            running.pop(heapq.heappop(ends)[1])
        shown, count = [], Counter()
        for arrival in waiting.values():
            count[arrival.owner] += 1
            if count[arrival.owner] <= seen:
                shown.append(arrival)
        states = [state(a, JobStatus.QUEUED) for a in shown]
        states += [state(a, JobStatus.RUNNING) for a in running.values()]
        decided = plan(
            [Waiting(a.job_id, a.owner, "aer", a.at, priority=a.priority) for a in shown],
            [Running(a.job_id, a.owner, "aer") for a in running.values()],
            slots=slots,
            shares=ledger.look(states, now, weights or {}),
            rules=rules,
        )
        for job_id in decided.start:
            arrival = running[job_id] = waiting.pop(job_id)
            starts[job_id] = now
            ledger.start(arrival.owner)
            heapq.heappush(ends, (now + arrival.seconds, job_id))
            had[arrival.owner] += arrival.seconds
    return starts, had


@functools.cache
def state(arrival, status):
    created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=arrival.at)
    attempt = int(status is JobStatus.RUNNING)
    return JobState(arrival.job_id, status, arrival.owner, "aer", created, attempt, 0, 1)


@settings(max_examples=8)
@given(
    st.integers(1, 4),
    st.lists(st.sampled_from([1.0, 2.0, 4.0]), min_size=2, max_size=4),
    st.sampled_from([1.0, 10.0]),
    st.integers(0, 10**6),
)
def test_users_who_always_have_work_get_slots_by_their_weights(slots, weights, mean, seed):
    rng = random.Random(seed)
    by_user = {f"u{number}": weight for number, weight in enumerate(weights)}
    arrivals = [
        Arrival(0.0, f"{user}-{number:04d}", user, mean * rng.uniform(0.5, 1.5))
        for user in by_user
        for number in range(300)
    ]
    until = mean * 30 * len(weights)
    _, had = simulate(
        arrivals,
        slots=slots,
        rules=Rules(job_seconds=mean),
        weights=by_user,
        until=until,
        half_life=100 * mean,
        seen=2,
    )
    total = sum(had.values())

    for user, weight in by_user.items():
        share = weight / sum(weights)

        assert had[user] / total == pytest.approx(share, rel=0.25)


def test_who_comes_back_after_a_pause_gets_his_share_and_not_the_whole_machine():
    stays = [Arrival(0.0, f"a{n:03d}", "ann", 1.0) for n in range(400)]
    comes = [Arrival(100.0, f"b{n:03d}", "bob", 1.0) for n in range(400)]

    starts, _ = simulate(stays + comes, slots=1, rules=Rules(job_seconds=1.0), until=150.0, seen=2)
    after = Counter(job_id[0] for job_id, at in starts.items() if at >= 100.0)

    assert after["b"] == pytest.approx(25, abs=3)


@settings(max_examples=10)
@given(
    st.integers(1, 3), st.integers(0, 6), st.sampled_from([0.5, 1.0, 8.0]), st.integers(0, 10**6)
)
def test_no_stream_of_newcomers_keeps_a_user_from_starting(slots, history, weight, seed):
    rng = random.Random(seed)
    longest, rate, ageing = 3.0, 0.9 * slots, 2.0
    past = [Arrival(0.0, f"past{n:03d}", "victim", longest) for n in range(history)]
    begin = history * longest / slots + 1.0
    victim = Arrival(begin, "victim", "victim", 1.0)
    had = history * longest
    # he is passed by nobody who comes this much later than he
    patience = had / weight / ageing
    bound = patience + (rate * (patience + 1.0)) * longest / slots + 2 * longest
    newcomers = [
        Arrival(begin - 0.5 + n / rate, f"n{n:05d}", f"new{n:05d}", rng.uniform(0.5, longest))
        for n in range(int(rate * (bound + 1.0)))
    ]

    starts, _ = simulate(
        [*past, victim, *newcomers],
        slots=slots,
        rules=Rules(ageing=ageing, job_seconds=1.0),
        weights={"victim": weight},
        until=begin + bound,
        half_life=1e9,
    )

    assert starts["victim"] - begin <= bound


@given(st.integers(1, 5), st.integers(0, 10**6))
@settings(max_examples=10)
def test_no_stream_of_higher_priorities_keeps_a_users_job_from_starting(steps, seed):
    rng = random.Random(seed)
    low = Arrival(0.0, "low", "ann", 1.0, priority=0)
    high = [
        Arrival(n * 0.4, f"h{n:04d}", "ann", rng.uniform(0.5, 1.0), priority=steps)
        for n in range(30 * steps + 30)
    ]
    ahead = steps * 10.0 / 0.4  # those who came before its waiting made up for the priority

    starts, _ = simulate(
        [low, *high], slots=1, rules=Rules(priority_seconds=10.0), until=ahead + 10.0
    )

    assert starts["low"] <= ahead + 2.0
    assert starts["low"] >= min(ahead * 0.5, steps * 10.0 - 2.0)


def test_what_was_used_is_forgotten():
    ledger = Ledger(half_life_seconds=10.0)
    busy = state(Arrival(0.0, "r", "ann", 1.0), JobStatus.RUNNING)
    ledger.look([busy], 0.0, {})

    after = ledger.look([], 10.0, {}).used["ann"]

    assert after == pytest.approx(10.0 / 2 / 0.6931, rel=1e-3)  # half of what ten half-used make
    assert ledger.look([], 20.0, {}).used["ann"] == pytest.approx(after / 2)
    assert "ann" not in ledger.look([], 1000.0, {}).used
