# SPDX-License-Identifier: Apache-2.0
"""``AuditLog``: entries on their way into the store, many in one write."""

from __future__ import annotations

import logging
import threading

from qruntime.core.users import AuditEntry
from qruntime.errors import QRuntimeError, StoreError
from qruntime.store.base import Store

_logger = logging.getLogger(__name__)
_SECONDS = 0.5
_MOST = 1000
_KEPT = 100_000


class AuditLog:
    """Writes entries from a thread of its own: no request waits for the disk because of them.

    An entry is in the store half a second after its request, and after ``flush`` at once. Entries
    are kept while the store fails; only more than 100,000 are not, and that is logged.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[AuditEntry] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def add(self, entry: AuditEntry) -> None:
        """Take an entry; write it soon."""
        with self._lock:
            if len(self._waiting) >= _KEPT:
                _logger.error("the audit log cannot be written: an entry is lost")
                return
            self._waiting.append(entry)
            self._start()

    def flush(self) -> None:
        """Write what waits.

        Raises:
            StoreError: the store failed; what is not written is kept, and tried again.
        """
        with self._writing:
            while entries := self._next():
                self._write(entries)
                with self._lock:
                    del self._waiting[: len(entries)]

    def _start(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(_SECONDS, self._run)
            self._timer.daemon = True
            self._timer.start()

    def _run(self) -> None:
        with self._lock:
            self._timer = None
        try:
            self.flush()
        except StoreError as error:
            _logger.warning("the audit log could not be written, and is tried again: %s", error)
            with self._lock:
                self._start()

    def _next(self) -> list[AuditEntry]:
        with self._lock:
            return self._waiting[:_MOST]

    def _write(self, entries: list[AuditEntry]) -> None:
        try:
            self._store.add_audit(*entries)
        except StoreError:
            raise
        except QRuntimeError:  # one of them cannot be stored, as a name with a zero byte
            if len(entries) == 1:
                _logger.exception("an entry of the audit log could not be written")
                return
            for entry in entries:
                self._write([entry])
