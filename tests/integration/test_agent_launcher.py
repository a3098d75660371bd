# SPDX-License-Identifier: Apache-2.0
"""The launcher over an agent: each attempt gets its own frames and one end."""

from __future__ import annotations

import json
import threading

import pytest

from qruntime.agent.agent import NodeAgent
from qruntime.agent.limits import Limits
from qruntime.core.programs import ProgramSource
from qruntime.engine.launchers.agent import AgentLauncher
from qruntime.errors import InvalidStateError
from qruntime.worker.task import FrameKind, Task


@pytest.fixture(scope="module")
def starter():
    made = AgentLauncher(NodeAgent(preload=()), grace_seconds=0.2)
    yield made
    made.close()


def launch(starter, code, send, **fields):
    source = ProgramSource({"program.py": code.encode()}, "program.py")
    task = Task(inputs="{}", backend_name="aer_simulator", source=source)
    return starter.launch(task, send, **fields)


def failure_of(frames):
    (text,) = [frame.data for frame in frames if frame.kind is FrameKind.FAILURE]
    return json.loads(text)


@pytest.mark.parametrize(
    ("statement", "fields", "code", "cause"),
    [
        ("os._exit(3)", {}, "worker_died", "exit status 3"),
        ("os.kill(os.getpid(), 9)", {}, "worker_died", "SIGKILL"),
        ("os.kill(os.getppid(), 9); signal.pause()", {}, "worker_died", "ended from outside"),
        (
            "exec('while True: pass')",
            {"limits": Limits(cpu_seconds=0.1)},
            "limit_exceeded",
            "its limit of 0.1 s",
        ),
    ],
    ids=["exit", "kill", "lost", "limit"],
)
def test_a_worker_that_does_not_end_its_program_is_one_failure(
    starter, statement, fields, code, cause
):
    frames = []
    program = f"import os, signal\ndef main(backend, user_messenger):\n    {statement}\n"
    attempt = launch(starter, program, frames.append, **fields)
    assert attempt.wait(60)

    failure = failure_of(frames)

    assert failure["code"] == code
    assert cause in failure["message"]


def test_attempts_at_the_same_time_get_their_own_frames(starter):
    code = "def main(backend, user_messenger):\n    user_messenger.publish({n})\n    return {n}\n"
    frames = {number: [] for number in range(8)}
    attempts = [launch(starter, code.format(n=n), told.append) for n, told in frames.items()]

    assert all(attempt.wait(60) for attempt in attempts)
    for number, told in frames.items():
        data = [frame.data for frame in told if frame.kind is not FrameKind.USAGE]
        assert data == [str(number), str(number)]


def test_a_listener_that_fails_ends_its_own_attempt_only(starter, caplog):
    def refuse(frame):
        raise OSError("the disk is full")

    looping = "def main(b, u):\n    u.publish(1)\n    while True: pass\n"
    broken = launch(starter, looping, refuse)
    frames = []
    whole = launch(starter, "def main(b, u): return 1", frames.append)

    assert broken.wait(60)
    assert whole.wait(60)
    assert frames[-1].data == "1"
    assert "could not be taken" in caplog.text


def test_a_large_result_comes_whole(starter):
    frames = []
    assert launch(starter, "def main(b, u): return 'x' * 30_000_000", frames.append).wait(60)

    (result,) = [json.loads(f.data) for f in frames if f.kind is FrameKind.RESULT]
    assert result == "x" * 30_000_000


def test_what_a_fork_of_the_program_returns_is_not_the_result(starter):
    frames = []
    code = (
        "import os\n"
        "def main(backend, user_messenger):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        return 'child'\n"
        "    os.waitpid(child, 0)\n"
        "    return 'parent'\n"
    )
    assert launch(starter, code, frames.append).wait(60)

    assert [f.data for f in frames if f.kind is FrameKind.RESULT] == ['"parent"']


def test_a_task_that_cannot_leave_the_process_is_refused(starter):
    task = Task(inputs="{}", backend_name="aer_simulator", function=print)

    with pytest.raises(InvalidStateError, match="stays in its process"):
        starter.launch(task, print)


def test_a_launcher_that_is_closed_lets_its_last_attempt_end():
    starter = AgentLauncher(NodeAgent(preload=()), grace_seconds=0.2)
    frames = []
    ready = threading.Event()

    def take(frame):
        frames.append(frame)
        ready.set()

    code = (
        "import os, signal\n"
        "def main(backend, user_messenger):\n"
        "    user_messenger.publish(os.getpid())\n"
        "    end = len(os.listdir('/proc')) + 2000\n"
        "    return sum(1 for _ in range(end)) > 0\n"
    )
    attempt = launch(starter, code, take)
    assert ready.wait(60)

    starter.close()

    with pytest.raises(InvalidStateError, match="closed"):
        launch(starter, code, take)
    assert attempt.wait(60)
    assert [f.data for f in frames if f.kind is FrameKind.RESULT] == ["true"]
    starter._thread.join(60)
    assert starter.agent.closed
