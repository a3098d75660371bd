# SPDX-License-Identifier: Apache-2.0
"""``GroupCommit``: threads that write at the same time share a commit and its wait for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

_MOST = 128


class _Entry:
    def __init__(self, work: Callable[..., Any]) -> None:
        self.work = work
        self.done = False
        self.outcome: Any = None


class GroupCommit:
    """Lets the thread whose turn it is do the work of all that wait, in one transaction.

    SQLite has one writer at a time, and a commit waits for the disk: threads that took turns would
    each wait for it. ``together`` runs works in one transaction and returns, for each, its result
    or the error that undid it and nothing else.
    """

    def __init__(self, together: Callable[[Sequence[Callable[..., Any]]], list[Any]]) -> None:
        self._together = together
        self._turn = threading.Lock()
        self._waiting: list[_Entry] = []
        self._mutex = threading.Lock()

    def run(self, work: Callable[..., Any]) -> Any:
        """Return what ``work`` returns, or raise what it raises, when that has been committed."""
        entry = _Entry(work)
        with self._mutex:
            self._waiting.append(entry)
        with self._turn:
            if not entry.done:
                self._lead(entry)
        if isinstance(entry.outcome, Exception):
            raise entry.outcome
        return entry.outcome

    def _lead(self, own: _Entry) -> None:
        with self._mutex:
            self._waiting.remove(own)
            group = [own, *self._waiting[: _MOST - 1]]
            del self._waiting[: _MOST - 1]
        try:
            self._settle(group)
        finally:
            # An interrupt hit this thread: the others' work is still to be done, by one of them.
            with self._mutex:
                self._waiting[:0] = [entry for entry in group[1:] if not entry.done]

    def _settle(self, group: list[_Entry]) -> None:
        try:
            outcomes = self._together([entry.work for entry in group])
        except Exception as error:  # noqa: BLE001  it belongs to the thread whose work it was
            if len(group) > 1:
                # One work's failure may have undone the whole transaction: each by itself, then.
                for entry in group:
                    self._settle([entry])
                return
            outcomes = [error] * len(group)
        for entry, outcome in zip(group, outcomes, strict=True):
            entry.outcome = outcome
            entry.done = True
