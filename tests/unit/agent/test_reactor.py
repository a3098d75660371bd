# SPDX-License-Identifier: Apache-2.0
"""The thread that waits for many: calls, timers and descriptors."""

from __future__ import annotations

import os
import threading

import pytest

from qruntime.agent.reactor import READ, Reactor


@pytest.fixture
def reactor():
    made = Reactor("test-reactor")
    yield made
    made.stop()


def test_calls_come_in_order_and_on_one_thread(reactor):
    seen, done = [], threading.Event()
    for number in range(5):
        reactor.call(lambda number=number: seen.append((number, threading.get_ident())))
    reactor.call(done.set)

    assert done.wait(20)
    assert [number for number, _ in seen] == list(range(5))
    assert len({thread for _, thread in seen}) == 1


def test_a_call_that_fails_does_not_end_the_thread(reactor, caplog):
    done = threading.Event()
    reactor.call(lambda: 1 / 0)
    reactor.call(done.set)

    assert done.wait(20)
    assert "callback failed" in caplog.text


def test_timers_come_by_their_time_not_by_their_order(reactor):
    seen, done = [], threading.Event()

    def start():
        reactor.later(0.02, done.set)
        reactor.later(0.01, lambda: seen.append("second"))
        reactor.later(0.0, lambda: seen.append("first"))

    reactor.call(start)

    assert done.wait(20)
    assert seen == ["first", "second"]


def test_a_descriptor_is_called_for_until_it_is_let_go_of(reactor):
    read, write = os.pipe()
    seen, done = [], threading.Event()

    def ready(events):
        seen.append(os.read(read, 1))
        if len(seen) == 3:
            reactor.watch(read, 0, ready)
            reactor.call(done.set)

    reactor.call(lambda: reactor.watch(read, READ, ready))
    os.write(write, b"abcdef")

    assert done.wait(20)
    assert seen == [b"a", b"b", b"c"]
    os.close(read)
    os.close(write)
