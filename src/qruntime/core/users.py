# SPDX-License-Identifier: Apache-2.0
"""Users of a server, and the keys that they show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a user may do: an ``ADMIN`` everything, a ``USER`` what is his, a ``READER`` look."""

    ADMIN = "admin"
    USER = "user"
    READER = "reader"


class Scope(StrEnum):
    """What a key may be used for, within what its user may do."""

    READ = "read"
    RUN = "run"
    PROGRAMS = "programs"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. ``weight`` is the share of the workers, relative to others'."""

    user_id: str
    role: Role
    created: datetime
    weight: float = 1.0
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key. The key itself is held nowhere: ``digest`` is its SHA-256 in hexadecimal.

    ``prefix`` is the part that may be shown; it finds the key.
    """

    key_id: str
    user_id: str
    name: str
    prefix: str
    digest: str
    scopes: frozenset[Scope]
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that was done or refused. It holds no inputs, results or keys."""

    at: datetime
    user_id: str
    action: str
    target: str
    outcome: str
