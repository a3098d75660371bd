# SPDX-License-Identifier: Apache-2.0
"""Users of a server and the keys that let them in."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from qruntime.core.users import ApiKey, Role, Scope, User
from qruntime.errors import (
    InvalidInputError,
    InvalidStateError,
    NotAuthenticatedError,
    NotAuthorizedError,
    UserNotFoundError,
)
from qruntime.service.access import Caller, caller_of, need_admin
from qruntime.store.base import Store

ADMIN = "admin"
"""The user that a new server begins with."""

_MARK = "qrt"
_PREFIX_CHARACTERS = 12
_USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_NO_DIGEST = hashlib.sha256(b"").hexdigest()


def create_user(
    store: Store, caller: Caller, user_id: str, *, role: Role = Role.USER, weight: float = 1.0
) -> User:
    """Let somebody in. He gets in with a key, which is made by ``create_key``.

    Raises:
        InvalidInputError: the id cannot be a user's, or the weight is not above zero.
        InvalidStateError: there is such a user.
        NotAuthorizedError: the caller is no administrator.
    """
    need_admin(caller)
    if not _USER_ID.fullmatch(user_id):
        raise InvalidInputError(
            f"{user_id!r} cannot be a user's id: a letter or digit, then letters, digits, '.', "
            "'_', '@' and '-', at most 64"
        )
    _check_weight(weight)
    if _exists(store, user_id):
        raise InvalidStateError(f"there is a user '{user_id}' already")
    user = User(user_id, role, store.now(), weight)
    store.put_user(user)
    return user


def change_user(
    store: Store,
    caller: Caller,
    user_id: str,
    *,
    role: Role | None = None,
    weight: float | None = None,
    disabled: bool | None = None,
) -> User:
    """Change what a user may do. A disabled one's keys let nobody in.

    Raises:
        UserNotFoundError: there is none of this id.
        InvalidStateError: an administrator would shut himself out.
        NotAuthorizedError: the caller is no administrator.
    """
    need_admin(caller)
    user = store.user(user_id)
    if user_id == caller.user_id and (disabled or (role is not None and role is not Role.ADMIN)):
        raise InvalidStateError("you would shut yourself out: let another administrator do it")
    if weight is not None:
        _check_weight(weight)
    user = replace(
        user,
        role=user.role if role is None else role,
        weight=user.weight if weight is None else weight,
        disabled=user.disabled if disabled is None else disabled,
    )
    store.put_user(user)
    return user


def list_users(store: Store, caller: Caller) -> list[User]:
    """Return all users.

    Raises:
        NotAuthorizedError: the caller is no administrator.
    """
    need_admin(caller)
    return store.users()


def create_key(
    store: Store,
    caller: Caller,
    user_id: str,
    *,
    name: str = "",
    scopes: Iterable[Scope] | None = None,
    lifetime: timedelta | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return its record, and the key itself, which is not held anywhere.

    Without ``scopes`` the key may do whatever its user may. Nobody can give a key more than he has.

    Raises:
        UserNotFoundError: there is no such user.
        NotAuthorizedError: it is another user, or a scope that the caller does not have.
        InvalidInputError: the lifetime is not above zero.
    """
    if user_id != caller.user_id:
        need_admin(caller)
    user = store.user(user_id)
    if lifetime is not None and lifetime <= timedelta(0):
        raise InvalidInputError("a key's lifetime must be above zero")
    wanted = caller_of(user_id, user.role, frozenset(Scope if scopes is None else scopes)).scopes
    if not caller.admin and not wanted <= caller.scopes:
        lacking = ", ".join(sorted(wanted - caller.scopes))
        raise NotAuthorizedError(f"your own key lacks what this one would have: {lacking}")
    prefix = secrets.token_hex(_PREFIX_CHARACTERS // 2)
    text = f"{_MARK}_{prefix}_{secrets.token_urlsafe(32)}"
    now = store.now()
    key = ApiKey(
        key_id=uuid.uuid4().hex,
        user_id=user_id,
        name=name,
        prefix=prefix,
        digest=_digest(text),
        scopes=wanted,
        created=now,
        expires=None if lifetime is None else now + lifetime,
    )
    store.put_key(key)
    return key, text


def list_keys(store: Store, caller: Caller, user_id: str | None = None) -> list[ApiKey]:
    """Return the caller's keys; an administrator gets another user's, or with None everybody's."""
    if caller.admin:
        return store.keys(user_id)
    if user_id not in (None, caller.user_id):
        need_admin(caller)
    return store.keys(caller.user_id)


def revoke_key(store: Store, caller: Caller, key_id: str) -> ApiKey:
    """Let a key open nothing any more.

    Raises:
        InvalidInputError: there is none of this id that the caller may revoke.
    """
    for key in store.keys(None if caller.admin else caller.user_id):
        if key.key_id == key_id:
            revoked = replace(key, revoked=key.revoked or store.now())
            store.put_key(revoked)
            return revoked
    raise InvalidInputError(f"you have no key '{key_id}'")


def authenticate(store: Store, text: str) -> Caller:
    """Return who shows this key.

    Raises:
        NotAuthenticatedError: it is no key, or unknown, expired, revoked, or its user is disabled.
    """
    mark, _, rest = text.partition("_")
    prefix = rest.partition("_")[0]
    key = store.key_by_prefix(prefix) if mark == _MARK and prefix else None
    right = hmac.compare_digest(_digest(text), _NO_DIGEST if key is None else key.digest)
    if key is None or not right:
        raise NotAuthenticatedError("this is not a key of this server")
    if key.revoked is not None:
        raise NotAuthenticatedError(f"the key '{key.prefix}...' was revoked")
    if key.expires is not None and key.expires <= store.now():
        raise NotAuthenticatedError(f"the key '{key.prefix}...' has expired")
    user = store.user(key.user_id)
    if user.disabled:
        raise NotAuthenticatedError(f"the user '{user.user_id}' is disabled")
    return caller_of(user.user_id, user.role, key.scopes)


def first_admin(store: Store) -> str | None:
    """Make the administrator of a server that has no users; return his key, or None."""
    if store.users():
        return None
    store.put_user(User(ADMIN, Role.ADMIN, store.now()))
    everything = Caller(ADMIN, Role.ADMIN, frozenset(Scope))
    return create_key(store, everything, ADMIN, name="made at the first start")[1]


def _check_weight(weight: float) -> None:
    if not 0 < weight < float("inf"):
        raise InvalidInputError(f"a user's weight must be a number above zero, not {weight!r}")


def _exists(store: Store, user_id: str) -> bool:
    try:
        store.user(user_id)
    except UserNotFoundError:
        return False
    return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
