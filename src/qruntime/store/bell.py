# SPDX-License-Identifier: Apache-2.0
"""``Bell``: how threads of this process learn that something in the store has changed."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUEUE = "queue"
"""The topic of everything that the dispatcher looks at."""

_KEPT_TOPICS = 100_000


class Bell:
    """Counts changes by topic: a job's id, or ``QUEUE``. Nothing is lost between look and wait.

    Read the count, look at the store, then wait for a count other than the one read. A ring without
    a change costs a look; a change without a ring costs the wait's time-out, so waits have one.
    """

    def __init__(self) -> None:
        self._rung = threading.Condition()
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self._total = 0
        self._forgotten = 0

    def count(self, topic: str) -> int:
        """Return how often the topic has been rung; it only grows."""
        with self._rung:
            return self._counts.get(topic, self._forgotten)

    def ring(self, topic: str) -> None:
        """Wake all who wait for the topic."""
        with self._rung:
            self._total += 1
            self._counts[topic] = self._total
            self._counts.move_to_end(topic)
            if len(self._counts) > _KEPT_TOPICS:
                _, self._forgotten = self._counts.popitem(last=False)
            self._rung.notify_all()
            listeners = list(self._listeners.get(topic, ()))
        for listener in listeners:
            listener()

    def ring_all(self) -> None:
        """Wake everybody: something may have changed unseen."""
        with self._rung:
            self._total += 1
            self._counts.clear()
            self._forgotten = self._total
            self._rung.notify_all()
            listeners = [each for some in self._listeners.values() for each in some]
        for listener in listeners:
            listener()

    @contextmanager
    def listening(self, topic: str, listener: Callable[[], None]) -> Iterator[None]:
        """Call ``listener`` at each ring of the topic meanwhile, in the ringer's thread.

        It must be quick and must not raise.
        """
        with self._rung:
            self._listeners.setdefault(topic, []).append(listener)
        try:
            yield
        finally:
            with self._rung:
                self._listeners[topic].remove(listener)
                if not self._listeners[topic]:
                    del self._listeners[topic]

    def wait(self, topic: str, seen: int, seconds: float) -> int:
        """Wait until the count is another than ``seen``, or the time is up; return the count."""
        deadline = time.monotonic() + seconds
        with self._rung:
            while self._counts.get(topic, self._forgotten) == seen:
                left = deadline - time.monotonic()
                if left <= 0 or not self._rung.wait(left):
                    break
            return self._counts.get(topic, self._forgotten)
