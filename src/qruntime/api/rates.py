# SPDX-License-Identifier: Apache-2.0
"""How often somebody may call."""

from __future__ import annotations

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from qruntime.errors import TooManyRequestsError


class Rates:
    """Counts calls of users and failed sign-ins of addresses, in windows of a minute."""

    def __init__(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def count(self, user_id: str, a_minute: int) -> None:
        """Count a call.

        Raises:
            TooManyRequestsError: it is one too many.
        """
        limit = RateLimitItemPerMinute(a_minute)
        if not self._limiter.hit(limit, "calls", user_id):
            raise self._error(limit, "calls", user_id, f"more than {a_minute} requests a minute")

    def check_failures(self, address: str, a_minute: int) -> None:
        """Check that an address may try a key.

        Raises:
            TooManyRequestsError: too many of its keys were wrong.
        """
        limit = RateLimitItemPerMinute(a_minute)
        if not self._limiter.test(limit, "failures", address):
            raise self._error(limit, "failures", address, "too many wrong keys from this address")

    def count_failure(self, address: str, a_minute: int) -> None:
        """Count a wrong key."""
        self._limiter.hit(RateLimitItemPerMinute(a_minute), "failures", address)

    def _error(
        self, limit: RateLimitItemPerMinute, kind: str, who: str, message: str
    ) -> TooManyRequestsError:
        reset = self._limiter.get_window_stats(limit, kind, who).reset_time
        return TooManyRequestsError(message, retry_after=max(1.0, reset - time.time()))
