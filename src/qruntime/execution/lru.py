# SPDX-License-Identifier: Apache-2.0
"""A bounded table that forgets what was used longest ago."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Lru(Generic[Value]):
    """Holds values until their sizes add up to more than ``limit``; safe to use from threads.

    A size is in whatever unit the limit is in. A value larger than the limit is not kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.evictions = 0
        self._items: OrderedDict[Hashable, tuple[Value, int, Hashable]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: Hashable) -> Value | None:
        """Return the value of a key, which is now the one used last, or None."""
        with self._lock:
            found = self._items.get(key)
            if found is None:
                return None
            self._items.move_to_end(found[2])  # the very key: long keys are not compared again
            return found[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keep a value in place of the one that the key had, if any."""
        with self._lock:
            self._drop(key)
            if size > self.limit:
                self.evictions += 1
                return
            self._items[key] = (value, size, key)
            self.size += size
            while self.size > self.limit:
                self._drop(next(iter(self._items)))
                self.evictions += 1

    def clear(self) -> None:
        """Forget everything; what was counted stays counted."""
        with self._lock:
            self._items.clear()
            self.size = 0

    def _drop(self, key: Hashable) -> None:
        old = self._items.pop(key, None)
        if old is not None:
            self.size -= old[1]
