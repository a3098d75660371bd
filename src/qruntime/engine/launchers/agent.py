# SPDX-License-Identifier: Apache-2.0
"""Workers that are processes of this machine: an agent forks each from a warm one."""

from __future__ import annotations

import logging
import threading
import uuid

from qruntime.agent.agent import NodeAgent
from qruntime.agent.events import AgentEvent, Ended
from qruntime.agent.frames import failure_frame
from qruntime.agent.limits import Limits
from qruntime.engine.launchers import Attempt, Launcher
from qruntime.errors import InvalidStateError
from qruntime.worker.task import Frame, Send, Task

_logger = logging.getLogger(__name__)
_WAIT_SECONDS = 3600.0
_MORE_SECONDS = 2.0


class AgentLauncher(Launcher):
    """Runs each task in a process of its own, which can be killed with all that it started.

    ``agent`` is closed with the launcher, once the last attempt has ended. ``grace_seconds`` is how
    long a stopped program may take to end after SIGTERM. A worker that is lost is a failure too.
    """

    in_process = False

    def __init__(
        self, agent: NodeAgent, *, grace_seconds: float = 5.0, limits: Limits | None = None
    ) -> None:
        self.agent = agent
        self._grace_seconds = grace_seconds
        self._limits = limits
        self._attempts: dict[str, _AgentAttempt] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._pull, name="qruntime-pull", daemon=True)
        self._thread.start()

    def launch(self, task: Task, send: Send, *, limits: Limits | None = None) -> Attempt:
        """Start on a task; ``limits`` are what it may use.

        Raises:
            InvalidStateError: the launcher is closed, or the task holds objects of this process.
        """
        attempt = _AgentAttempt(self.agent, uuid.uuid4().hex, send, self._grace_seconds)
        with self._lock:
            if self._closed:
                raise InvalidStateError("the launcher is closed: it starts no more workers")
            self._attempts[attempt.attempt_id] = attempt
        try:
            self.agent.launch(attempt.attempt_id, task, limits or self._limits)
        except BaseException:
            with self._lock:
                del self._attempts[attempt.attempt_id]
            raise
        return attempt

    def close(self) -> None:
        """Start nothing more; the agent goes with the last attempt."""
        with self._lock:
            self._closed = True
            busy = bool(self._attempts)
        if not busy:
            self.agent.close()
            self._thread.join()

    def _pull(self) -> None:
        """Hand what the agent tells to the attempts."""
        cursor = 0
        while not self.agent.closed:
            for event in self.agent.events(cursor, _WAIT_SECONDS):
                cursor = event.cursor
                self._hand_over(event)
            with self._lock:
                last = self._closed and not self._attempts
            if last:
                self.agent.close()

    def _hand_over(self, event: AgentEvent) -> None:
        attempt = self._attempts.get(event.attempt_id)
        if attempt is None:
            return
        attempt.take(event.what)
        if isinstance(event.what, Ended):
            with self._lock:
                del self._attempts[event.attempt_id]


class _AgentAttempt(Attempt):
    def __init__(self, agent: NodeAgent, attempt_id: str, send: Send, grace_seconds: float) -> None:
        self.attempt_id = attempt_id
        self.stop_seconds = grace_seconds + _MORE_SECONDS
        self._agent = agent
        self._send = send
        self._grace_seconds = grace_seconds
        self._broken = False
        self._ended = threading.Event()

    def wait(self, seconds: float) -> bool:
        return self._ended.wait(seconds)

    def stop(self) -> None:
        self._agent.kill(self.attempt_id, self._grace_seconds)

    def answer(self, frame: Frame) -> None:
        self._agent.send(self.attempt_id, frame)

    def take(self, what: Frame | Ended) -> None:
        """Pass on a frame; of an end, its cause, if that has not been told."""
        if isinstance(what, Frame):
            self._tell(what)
            return
        if what.cause is not None:
            self._tell(failure_frame(what.cause))
        self._ended.set()

    def _tell(self, frame: Frame) -> None:
        if self._broken:
            return
        try:
            self._send(frame)
        except Exception:  # who listens to this attempt must not hold up the others
            _logger.exception("what a worker sent could not be taken")
            self._broken = True
            self.stop()
