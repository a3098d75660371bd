# SPDX-License-Identifier: Apache-2.0
"""What is refused at the door, before it costs anything: pure checks."""

from __future__ import annotations

from qruntime.errors import TooManyRequestsError


def check_room(queued: int, allowed: int | None, *, retry_after: float = 10.0) -> None:
    """Check that a user who has ``queued`` jobs waiting may queue another one.

    ``allowed`` is how many may wait at once; None is no limit. ``retry_after`` is in seconds.

    Raises:
        TooManyRequestsError: he has as many as he may.
    """
    if allowed is not None and queued >= allowed:
        raise TooManyRequestsError(
            f"you have {queued} jobs queued, and may have {allowed} at once: wait until some of "
            "them have started, or cancel some",
            retry_after=retry_after,
        )
