# SPDX-License-Identifier: Apache-2.0
"""``/sessions``: reserve a backend for jobs that belong together."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from qruntime.api.errors import CONFLICT
from qruntime.api.parts import CallerDep, PartsDep
from qruntime.service import sessions
from qruntime.wire.schemas import SessionBody, SessionDocument

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.post("", status_code=201)
def create_session(
    body: SessionBody, response: Response, parts: PartsDep, caller: CallerDep
) -> SessionDocument:
    """Open a session."""
    parts.backends.find(body.backend_name)
    session = sessions.create_session(
        parts.store,
        caller,
        body.backend_name,
        body.mode,
        max_seconds=body.max_seconds,
        idle_seconds=body.idle_seconds,
    )
    response.headers["Location"] = f"/api/v1/sessions/{session.session_id}"
    return SessionDocument.of(session)


@router.get("")
def list_sessions(
    parts: PartsDep,
    caller: CallerDep,
    open_only: Annotated[bool, Query(description="Without those that have ended.")] = False,
) -> list[SessionDocument]:
    """List your sessions, the newest first."""
    found = sessions.list_sessions(parts.store, caller, open_only=open_only)
    return [SessionDocument.of(session) for session in found]


@router.get("/{session_id}")
def get_session(session_id: str, parts: PartsDep, caller: CallerDep) -> SessionDocument:
    """Get a session as it is now."""
    return SessionDocument.of(sessions.find_session(parts.store, caller, session_id))


@router.post("/{session_id}/close", responses=CONFLICT)
def close_session(session_id: str, parts: PartsDep, caller: CallerDep) -> SessionDocument:
    """Take no more jobs; those that there are finish."""
    return SessionDocument.of(sessions.close_session(parts.store, caller, session_id))


@router.post("/{session_id}/cancel", responses=CONFLICT)
def cancel_session(session_id: str, parts: PartsDep, caller: CallerDep) -> SessionDocument:
    """Take no more jobs and cancel those in the queue; those that run finish."""
    return SessionDocument.of(sessions.cancel_session(parts.store, caller, session_id))
