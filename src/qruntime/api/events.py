# SPDX-License-Identifier: Apache-2.0
"""Live streams of a job's events: the only asynchronous code, for each waits most of its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from anyio import to_thread
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from qruntime.core.jobs import JobEvent
from qruntime.errors import JobNotFoundError
from qruntime.store.base import Store
from qruntime.wire.schemas import EventDocument

_PAGE = 500
_KEEPALIVE_SECONDS = 15.0
_LOOK_SECONDS = 5.0
"""How long a change may go unseen that rang no bell here: another process made it."""


async def wait_for_events(
    store: Store, job_id: str, after: int, seconds: float, *, limit: int = _PAGE
) -> list[JobEvent]:
    """Return a job's events after a cursor; wait for one if there is none.

    Raises:
        JobNotFoundError: the job is gone.
    """
    deadline = time.monotonic() + seconds
    loop = asyncio.get_running_loop()
    rung = asyncio.Event()

    def ring() -> None:
        loop.call_soon_threadsafe(rung.set)

    with store.bell.listening(job_id, ring):
        while True:
            rung.clear()
            found = await to_thread.run_sync(_read, store, job_id, after, limit)
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            try:
                await asyncio.wait_for(rung.wait(), min(left, _LOOK_SECONDS))
            except TimeoutError:
                continue


async def stream(store: Store, job_id: str, after: int) -> AsyncIterator[bytes]:
    """Yield a job's events after a cursor as server-sent events, until the job's last one.

    Each event's id is its cursor, so that a client that was cut off goes on where it was.
    """
    while True:
        try:
            found = await wait_for_events(store, job_id, after, _KEEPALIVE_SECONDS)
        except JobNotFoundError:
            return
        if not found:
            yield KEEPALIVE_COMMENT
        for event in found:
            after = event.cursor
            text = EventDocument.of(event).model_dump_json()
            yield format_sse_event(data_str=text, event=event.kind.value, id=str(event.cursor))
        if found and found[-1].last:
            return


def _read(store: Store, job_id: str, after: int, limit: int) -> list[JobEvent]:
    return store.events(job_id, after=after, limit=limit)
