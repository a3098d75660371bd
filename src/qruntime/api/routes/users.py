# SPDX-License-Identifier: Apache-2.0
"""``/users``, ``/keys``, ``/me``, ``/audit``: who may do what, and who did."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from qruntime.api.errors import CONFLICT
from qruntime.api.parts import CallerDep, PartsDep
from qruntime.service import users
from qruntime.service.access import need_admin
from qruntime.wire.schemas import (
    AuditDocument,
    CallerDocument,
    KeyBody,
    KeyDocument,
    NewKeyDocument,
    UserBody,
    UserChange,
    UserDocument,
)

router = APIRouter(tags=["users"])


@router.get("/me")
def get_me(caller: CallerDep) -> CallerDocument:
    """Get who you are to this server."""
    return CallerDocument(user_id=caller.user_id, role=caller.role, scopes=sorted(caller.scopes))


@router.post("/users", status_code=201, responses=CONFLICT)
def create_user(body: UserBody, parts: PartsDep, caller: CallerDep) -> UserDocument:
    """Let somebody in. He needs a key."""
    made = users.create_user(parts.store, caller, body.user_id, role=body.role, weight=body.weight)
    return UserDocument.of(made)


@router.get("/users")
def list_users(parts: PartsDep, caller: CallerDep) -> list[UserDocument]:
    """List all users."""
    return [UserDocument.of(user) for user in users.list_users(parts.store, caller)]


@router.patch("/users/{user_id}", responses=CONFLICT)
def change_user(user_id: str, body: UserChange, parts: PartsDep, caller: CallerDep) -> UserDocument:
    """Change what a user may do."""
    changed = users.change_user(parts.store, caller, user_id, **body.model_dump())
    return UserDocument.of(changed)


@router.post("/keys", status_code=201)
def create_key(body: KeyBody, parts: PartsDep, caller: CallerDep) -> NewKeyDocument:
    """Make a key. It is in this answer and nowhere else."""
    lifetime = body.lifetime_seconds
    key, text = users.create_key(
        parts.store,
        caller,
        body.user_id or caller.user_id,
        name=body.name,
        scopes=body.scopes,
        lifetime=None if lifetime is None else timedelta(seconds=lifetime),
    )
    return NewKeyDocument(**KeyDocument.of(key).model_dump(), key=text)


@router.get("/keys")
def list_keys(parts: PartsDep, caller: CallerDep, user_id: str | None = None) -> list[KeyDocument]:
    """List your keys; an administrator gets everybody's."""
    return [KeyDocument.of(key) for key in users.list_keys(parts.store, caller, user_id)]


@router.delete("/keys/{key_id}")
def revoke_key(key_id: str, parts: PartsDep, caller: CallerDep) -> KeyDocument:
    """Let a key open nothing any more."""
    return KeyDocument.of(users.revoke_key(parts.store, caller, key_id))


@router.get("/audit")
def list_audit(
    parts: PartsDep,
    caller: CallerDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[AuditDocument]:
    """List the newest entries of the audit log."""
    need_admin(caller)
    parts.audit.flush()
    return [AuditDocument.of(entry) for entry in parts.store.audit(limit=limit)]
