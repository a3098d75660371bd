# SPDX-License-Identifier: Apache-2.0
"""Forgets what a server need not keep any longer."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from qruntime.errors import QRuntimeError
from qruntime.store.base import Store

_logger = logging.getLogger(__name__)
_LOOK_SECONDS = 600.0


class Housekeeping:
    """Deletes jobs that ended more than ``retention_days`` ago, some minutes after it is time."""

    def __init__(self, store: Store, retention_days: float) -> None:
        self._store = store
        self._age = timedelta(days=retention_days)
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._loop, name="qruntime-housekeeping", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop, after what is being deleted."""
        self._over.set()
        self._thread.join()

    def clean(self) -> int:
        """Delete what is old enough; return how many jobs that were."""
        return self._store.forget_before(self._store.now() - self._age)

    def _loop(self) -> None:
        while not self._over.is_set():
            try:
                number = self.clean()
            except QRuntimeError:
                _logger.exception("old jobs could not be deleted; the next try is in ten minutes")
            else:
                if number:
                    _logger.info("deleted %d old jobs", number)
            self._over.wait(_LOOK_SECONDS)
