# SPDX-License-Identifier: Apache-2.0
"""Sessions: jobs that share a reservation of a backend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SessionMode(StrEnum):
    """``DEDICATED``: one worker is kept for the session. ``BATCH``: its jobs run side by side."""

    DEDICATED = "dedicated"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Session:
    """A reservation of a backend. Its times are in seconds.

    It ends ``max_seconds`` after its first job started, or when no job of it has run for
    ``idle_seconds``. A session that is not ``accepting`` finishes what it has; a ``closed`` one has
    ended.
    """

    session_id: str
    owner: str
    backend_name: str
    mode: SessionMode
    created: datetime
    max_seconds: float
    idle_seconds: float
    accepting: bool = True
    started: datetime | None = None
    closed: datetime | None = None
