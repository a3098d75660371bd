# SPDX-License-Identifier: Apache-2.0
"""One thread that waits for many connections at once and calls back."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable

_logger = logging.getLogger(__name__)

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


class Reactor:
    """Calls back from its thread, one call at a time; ``call`` may be used from any thread."""

    def __init__(self, name: str) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._waker, False)
        self._selector.register(self._wake, READ, self._drain)
        self._calls: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], None]) -> None:
        """Call soon."""
        self._calls.append(function)
        try:
            os.write(self._waker, b"w")
        except OSError:  # it is full, so the thread wakes up; or the thread has ended
            return

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call after some time; only from a callback."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._count), function))

    def watch(self, descriptor: int, events: int, ready: Callable[[int], None]) -> None:
        """Call ``ready`` with the events that have come, each time; only from a callback.

        No events: watch it no longer.
        """
        known = descriptor in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(descriptor)
        elif known:
            self._selector.modify(descriptor, events, ready)
        else:
            self._selector.register(descriptor, events, ready)

    def stop(self) -> None:
        """Make the last call and end the thread."""
        self.call(self._stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _stop(self) -> None:
        self._stopping = True

    def _drain(self, _events: int) -> None:
        os.read(self._wake, 65536)

    def _loop(self) -> None:
        while not self._stopping:
            for key, events in self._selector.select(self._seconds()):
                if self._selector.get_map().get(key.fd) is key:  # no callback has let go of it
                    self._safely(lambda key=key, events=events: key.data(events))  # type: ignore[misc]
            while self._calls:
                self._safely(self._calls.popleft())
            while self._timers and self._timers[0][0] <= time.monotonic():
                self._safely(heapq.heappop(self._timers)[2])
        self._selector.close()
        os.close(self._wake)
        os.close(self._waker)

    def _seconds(self) -> float | None:
        if self._calls:
            return 0.0
        if not self._timers:
            return None
        return max(self._timers[0][0] - time.monotonic(), 0.0)

    @staticmethod
    def _safely(function: Callable[[], None]) -> None:
        try:
            function()
        except Exception:  # one attempt's trouble must not end the thread that all share
            _logger.exception("an agent's callback failed")
