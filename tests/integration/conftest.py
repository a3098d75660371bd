# SPDX-License-Identifier: Apache-2.0
"""An agent that tests share, and how they follow what it tells."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest

from qruntime.agent.agent import NodeAgent
from qruntime.agent.events import Ended
from qruntime.core.programs import ProgramSource
from qruntime.worker.task import FrameKind, Task

DEADLINE_SECONDS = 60


class Follower:
    """Launches programs on an agent and sorts its events by attempt."""

    def __init__(self, agent):
        self.agent = agent
        self._numbers = itertools.count(1)
        self._cursor = 0
        self._told = {}

    def launch(self, code, limits=None, *, inputs="{}", backend="aer_simulator"):
        attempt = f"attempt-{next(self._numbers)}"
        source = ProgramSource({"program.py": code.encode()}, "program.py")
        self._told[attempt] = []
        task = Task(inputs=inputs, backend_name=backend, source=source)
        self.agent.launch(attempt, task, limits)
        return attempt

    def main(self, *lines, limits=None, **fields):
        """Launch a program whose ``main`` has these lines."""
        body = "".join(f"    {line}\n" for line in lines)
        return self.launch(f"def main(backend, user_messenger):\n{body}", limits, **fields)

    def pull(self, seconds=5.0):
        for event in self.agent.events(self._cursor, seconds):
            self._cursor = event.cursor
            self._told.setdefault(event.attempt_id, []).append(event.what)

    def until(self, attempt, found):
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not found(self._told[attempt]):
            assert time.monotonic() < deadline, self._told[attempt]
            self.pull()
        return self._told[attempt]

    def published(self, attempt):
        """Wait for the first interim result."""

        def values(told):
            return [x for x in told if getattr(x, "kind", "") == FrameKind.INTERIM_RESULT]

        return json.loads(values(self.until(attempt, values))[0].data)

    def ended(self, attempt):
        """Wait for the end; return everything that the attempt told."""
        return self.until(attempt, lambda told: told and isinstance(told[-1], Ended))

    def end(self, attempt):
        return self.ended(attempt)[-1]

    def result(self, attempt):
        return json.loads(self.of(attempt, FrameKind.RESULT)[0])

    def failure(self, attempt):
        return json.loads(self.of(attempt, FrameKind.FAILURE)[0])

    def of(self, attempt, kind):
        return [x.data for x in self.ended(attempt)[:-1] if x.kind is kind]


@pytest.fixture(scope="session")
def shared_agent():
    agent = NodeAgent(preload=())
    yield Follower(agent)
    agent.close()


@pytest.fixture
def own_agent():
    agents = []

    def make(**fields):
        agents.append(NodeAgent(**{"preload": (), **fields}))
        return Follower(agents[-1])

    yield make
    for agent in agents:
        agent.close()


def runs(pid):
    """Whether a process exists and is not merely waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.fixture
def gone():
    """Wait until processes are gone."""

    def wait(pids, seconds=20.0):
        deadline = time.monotonic() + seconds
        while left := [pid for pid in pids if runs(pid)]:
            assert time.monotonic() < deadline, f"still there: {left}"

    return wait
