# SPDX-License-Identifier: Apache-2.0
"""``NodeAgent``: starts workers on this machine, keeps what they tell, and ends them."""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import sys
import threading
import uuid
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qruntime.agent.attempt import RunningAttempt
from qruntime.agent.events import AgentEvent, EventLog
from qruntime.agent.limits import Limits
from qruntime.agent.reactor import Reactor
from qruntime.agent.zygotes import PRELOAD, Kind, Zygotes
from qruntime.errors import EnvironmentFailedError, InvalidStateError
from qruntime.worker.task import Frame, Task

if TYPE_CHECKING:
    from qruntime.environments.environments import Environments

_CLOSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """What an agent is and does. ``agent_id`` is new each time: cursors belong to it."""

    agent_id: str
    host: str
    pid: int
    python: str
    processors: int
    warm: bool
    warm_pids: tuple[int, ...]
    attempts: tuple[str, ...]


class NodeAgent:
    """Runs each task in a process of its own, forked from a warm one; safe to use from threads.

    All that a worker starts ends with it, and everything ends with the agent's process. A worker
    whose events are not fetched is slowed down. ``env`` are variables that programs see besides
    the harmless ones of this process. ``references`` is the folder of the person whose machine
    this is: names of backends such as ``FILE.py:CLASS`` are read there; without it they are
    refused. ``preload`` are modules that the warm process imports once ``preload_after`` tasks
    were launched. ``environments`` are those of programs that declare dependencies; they are closed
    with the agent.
    """

    def __init__(
        self,
        *,
        env: Mapping[str, str] | None = None,
        references: Path | None = None,
        environments: Environments | None = None,
        preload: Sequence[str] = PRELOAD,
        preload_after: int = 0,
        cold: bool = False,
    ) -> None:
        self._agent_id = uuid.uuid4().hex
        self._references = None if references is None else str(references.absolute())
        self._environments = environments
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._attempts: dict[str, RunningAttempt] = {}
        self._closed = False
        self._reactor = Reactor("qruntime-agent")
        self._log = EventLog(lambda: self._reactor.call(self._room))
        self._zygotes = Zygotes(
            self._reactor, env or {}, preload=preload, preload_after=preload_after, cold=cold
        )
        if not self._zygotes.cold:
            self._reactor.call(lambda: None if self._closed else self._warm_up())
        _agents.add(self)
        atexit.register(self.close)

    def _warm_up(self) -> None:
        self._zygotes.get(Kind(Limits().threads))

    @property
    def closed(self) -> bool:
        """Whether the agent starts no more workers."""
        return self._closed

    def info(self) -> AgentInfo:
        """Return what the agent is and does now."""
        with self._lock:
            attempts = tuple(self._attempts)
        return AgentInfo(
            agent_id=self._agent_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            python=sys.version.split()[0],
            processors=os.cpu_count() or 1,
            warm=not self._zygotes.cold,
            warm_pids=tuple(self._zygotes.pids()),
            attempts=attempts,
        )

    def launch(self, attempt_id: str, task: Task, limits: Limits | None = None) -> None:
        """Start on a task; its frames and its end are events of ``attempt_id``.

        The environment of a program is built first, if it is not there: that takes its time.

        Raises:
            InvalidStateError: the agent is closed, the attempt runs already, or the task holds
                objects of this process.
            EnvironmentFailedError: the program's environment cannot be built.
        """
        text = task.to_json()
        python = self._python_of(task)
        with self._lock:
            if self._closed:
                raise InvalidStateError("the agent is closed: it starts no more workers")
            if attempt_id in self._attempts:
                raise InvalidStateError(f"attempt '{attempt_id}' runs already")
            attempt = RunningAttempt(
                attempt_id,
                text,
                limits or Limits(),
                python=python,
                log=self._log,
                reactor=self._reactor,
                on_end=self._forget,
            )
            self._attempts[attempt_id] = attempt
        self._reactor.call(partial(attempt.start, self._zygotes, self._references))

    def _python_of(self, task: Task) -> str:
        """Return the interpreter that a task runs with."""
        if task.source is None or not task.source.lock:
            return sys.executable
        if self._environments is None:
            raise EnvironmentFailedError(
                "the program declares dependencies, and there is no place to install them here"
            )
        return self._environments.python(task.source.lock)

    def events(self, after: int, wait_seconds: float) -> list[AgentEvent]:
        """Return the events after a cursor, and forget those up to it.

        Waits ``wait_seconds`` for an event if there is none. The next call's ``after`` says that
        these were received: until then they are kept and given again.
        """
        return self._log.fetch(after, wait_seconds)

    def send(self, attempt_id: str, frame: Frame) -> None:
        """Send a frame to a worker; to one that has ended, nothing is sent."""
        attempt = self._find(attempt_id)
        if attempt is not None:
            line = frame.to_json().encode() + b"\n"
            self._reactor.call(lambda: attempt.send(line))

    def kill(self, attempt_id: str, grace_seconds: float) -> None:
        """End a worker and all that it started: SIGTERM, and after the grace SIGKILL.

        Without a grace it is killed at once. One that has ended is left as it is. Returns before
        the end, which is an event.
        """
        attempt = self._find(attempt_id)
        if attempt is not None:
            self._reactor.call(lambda: attempt.kill(grace_seconds))

    def close(self) -> None:
        """Kill all workers, see them to their end, and end the warm processes."""
        atexit.unregister(self.close)
        with self._lock:
            if self._closed:
                return
            self._closed = True
            attempts = list(self._attempts.values())
        if self._environments is not None:
            self._environments.close()
        for attempt in attempts:
            self._reactor.call(partial(attempt.kill, 0.0))
        with self._idle:
            self._idle.wait_for(lambda: not self._attempts, _CLOSE_SECONDS)
        self._reactor.call(self._zygotes.close)
        self._reactor.stop()
        self._log.close()

    def _find(self, attempt_id: str) -> RunningAttempt | None:
        with self._lock:
            return self._attempts.get(attempt_id)

    def _forget(self, attempt_id: str) -> None:
        with self._idle:
            del self._attempts[attempt_id]
            self._idle.notify_all()

    def _room(self) -> None:
        with self._lock:
            attempts = list(self._attempts.values())
        for attempt in attempts:
            attempt.room()

    def _leave_to_parent(self) -> None:
        """In a fork of this process: close what would hide the end of the agent."""
        atexit.unregister(self.close)
        self._closed = True
        ends = [end for attempt in self._attempts.values() for end in attempt.descriptors()]
        for descriptor in [*ends, *self._zygotes.abandon()]:
            with contextlib.suppress(OSError):
                os.close(descriptor)


_agents: weakref.WeakSet[NodeAgent] = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for agent in list(_agents):
        agent._leave_to_parent()


os.register_at_fork(after_in_child=_leave_all_to_parent)
