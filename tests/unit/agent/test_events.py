# SPDX-License-Identifier: Apache-2.0
"""The log of an agent: dense cursors, kept until acknowledged, counted by attempt."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from qruntime.agent.events import Ended, EndReason, EventLog, Usage
from qruntime.worker.task import Frame, FrameKind

END = Ended(EndReason.FINISHED, None, Usage())


def frame(text):
    return Frame(FrameKind.LOG, text)


@given(st.lists(st.one_of(st.text(max_size=5), st.integers(0, 12)), max_size=30))
def test_every_event_is_given_until_it_is_acknowledged(steps):
    log = EventLog(lambda: None)
    added, acknowledged = [], 0
    for step in steps:
        if isinstance(step, str):
            log.add("a", frame(step))
            added.append(step)
        else:
            acknowledged = max(acknowledged, min(step, len(added)))
            found = log.fetch(step, 0.0)
            assert [event.what.data for event in found] == added[acknowledged:]
            assert [e.cursor for e in found] == list(range(acknowledged + 1, len(added) + 1))


def test_what_was_not_fetched_is_counted_for_its_attempt_and_forgotten_with_its_end():
    rooms = []
    log = EventLog(lambda: rooms.append(1))
    log.add("a", frame("x" * 1000))
    log.add("b", frame("y"))
    log.add("a", END)
    before = log.held_bytes("a")

    log.fetch(1, 0.0)
    between = log.held_bytes("a")
    log.fetch(3, 0.0)

    assert 1000 < before < 2000
    assert between < 500
    assert dict(log._held) == {"b": 0}
    assert len(rooms) == 2


def test_who_waits_is_woken_by_an_event_and_by_the_close():
    log = EventLog(lambda: None)
    found = []
    waiting = threading.Thread(target=lambda: found.extend(log.fetch(0, 60.0)))
    waiting.start()
    log.add("a", END)
    waiting.join(60)
    closing = threading.Thread(target=lambda: found.extend(log.fetch(1, 60.0)))
    closing.start()
    log.close()
    closing.join(60)

    assert [event.what for event in found] == [END]
    assert not closing.is_alive()
