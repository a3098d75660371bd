# SPDX-License-Identifier: Apache-2.0
"""How a worker asks for runs: one at a time, and only for the answer that is its own."""

from __future__ import annotations

import os
from collections import deque

import pytest

from qruntime.errors import ExecutionError
from qruntime.worker.asking import Asking, nobody
from qruntime.worker.runner import JobStopped
from qruntime.worker.task import Frame, FrameKind

RUN, CALL_OFF, ANSWER = FrameKind.RUN, FrameKind.CALL_OFF, FrameKind.ANSWER


def asking(*answers, check_stop=lambda: None):
    """Return what asks, and the list of what it sends; ``answers`` come one after another."""
    sent = []
    coming = deque(answers)

    def receive():
        answer = coming.popleft() if coming else None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return Asking(sent.append, receive, check_stop), sent


def test_the_answer_is_that_of_the_number_and_others_are_passed_over():
    asks, sent = asking(Frame(ANSWER, "old", "0"), Frame(RUN, "x", "1"), Frame(ANSWER, "mine", "1"))

    assert asks.ask("please") == "mine"
    assert sent == [Frame(RUN, "please", "1")]


def test_an_interrupted_run_is_called_off_and_its_answer_is_not_the_next_runs():
    late = Frame(ANSWER, "late", "1")
    asks, sent = asking(KeyboardInterrupt(), late, Frame(ANSWER, "own", "2"))

    with pytest.raises(KeyboardInterrupt):
        asks.ask("first")
    assert asks.ask("second") == "own"
    assert sent == [Frame(RUN, "first", "1"), Frame(CALL_OFF, "", "1"), Frame(RUN, "second", "2")]


def test_where_nobody_answers_every_run_is_an_error():
    asks = Asking(lambda _frame: None, nobody, lambda: None)

    for _ in range(2):
        with pytest.raises(ExecutionError, match="is gone"):
            asks.ask("please")


def test_a_program_that_is_stopped_while_it_waits_is_stopped_there():
    def stop():
        raise JobStopped

    asks, _ = asking(None, check_stop=stop)

    with pytest.raises(JobStopped):
        asks.ask("please")


def test_a_fork_of_the_program_takes_no_answer_of_its_parent(monkeypatch):
    asks, sent = asking(Frame(ANSWER, "parents", "1"))
    monkeypatch.setattr(os, "getpid", lambda: -1)

    with pytest.raises(ExecutionError, match="first process"):
        asks.ask("please")
    assert sent == []
