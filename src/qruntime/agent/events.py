# SPDX-License-Identifier: Apache-2.0
"""What an agent tells: frames and ends, in order, kept until they have been fetched."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from qruntime.core.jobs import JobFailure
from qruntime.worker.task import Frame

_OVERHEAD_BYTES = 200


class EndReason(StrEnum):
    """How an attempt ended."""

    FINISHED = "finished"
    """The last frame was told."""
    DIED = "died"
    """The worker ended without a last frame, or was ended for a limit."""
    KILLED = "killed"
    """Somebody asked for it."""
    LOST = "lost"
    """What started or watched the worker is gone; the program is not to blame."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt used: time since its launch, processor time, its largest process."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt's last event. ``cause`` is set when no last frame of the worker tells it."""

    reason: EndReason
    cause: JobFailure | None
    usage: Usage


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """One event. Cursors count up from 1 over all attempts of an agent."""

    cursor: int
    attempt_id: str
    what: Frame | Ended


class EventLog:
    """Events in order; ``fetch`` drops those that the caller has seen.

    ``on_room`` is called, from the fetching thread, when events were dropped.
    """

    def __init__(self, on_room: Callable[[], None]) -> None:
        self._on_room = on_room
        self._events: deque[AgentEvent] = deque()
        self._held: Counter[str] = Counter()
        self._cursor = 0
        self._closed = False
        self._changed = threading.Condition()

    def add(self, attempt_id: str, what: Frame | Ended) -> None:
        """Append an event."""
        with self._changed:
            self._cursor += 1
            event = AgentEvent(self._cursor, attempt_id, what)
            self._events.append(event)
            self._held[attempt_id] += _size(event)
            self._changed.notify_all()

    def held_bytes(self, attempt_id: str) -> int:
        """Return how much of an attempt has not been seen yet."""
        with self._changed:
            return self._held[attempt_id]

    def fetch(self, after: int, wait_seconds: float) -> list[AgentEvent]:
        """Return the events after a cursor; wait for one if there is none."""
        with self._changed:
            dropped = False
            while self._events and self._events[0].cursor <= after:
                self._drop(self._events.popleft())
                dropped = True
        if dropped:
            self._on_room()
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._events), wait_seconds)
            return list(self._events)

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _drop(self, event: AgentEvent) -> None:
        self._held[event.attempt_id] -= _size(event)
        if isinstance(event.what, Ended):
            del self._held[event.attempt_id]


def _size(event: AgentEvent) -> int:
    return _OVERHEAD_BYTES + (len(event.what.data) if isinstance(event.what, Frame) else 0)
