# SPDX-License-Identifier: Apache-2.0
"""Sessions, users, their keys and the audit log in the database."""

# ruff: noqa: D102  each method is described in Store

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update

from qruntime.core.sessions import Session
from qruntime.core.users import ApiKey, AuditEntry, User
from qruntime.errors import SessionNotFoundError, UserNotFoundError
from qruntime.store.bell import QUEUE
from qruntime.store.sql.database import Transaction
from qruntime.store.sql.part import Part
from qruntime.store.sql.rows import audit_entry_of, key_of, key_values, session_of, user_of
from qruntime.store.sql.tables import api_keys, audit, sessions, users

_SESSIONS = select(sessions).order_by(sessions.c.seq.desc())
_USER = select(users).where(users.c.user_id == bindparam("wanted"))
_KEY = (
    select(api_keys)
    .where(api_keys.c.prefix == bindparam("prefix"))
    .order_by(api_keys.c.seq)
    .limit(1)
)


class SqlPeople(Part):
    """The methods of sessions, users, keys and the audit log."""

    def add_session(self, session: Session) -> None:
        def work(transaction: Transaction) -> None:
            added = transaction.insert(sessions).on_conflict_do_nothing(
                index_elements=["session_id"]
            )
            transaction.execute(added, asdict(session))
            transaction.ring(QUEUE)

        self._database.write(work)

    def session(self, session_id: str) -> Session:
        found = self._rows(select(sessions).where(sessions.c.session_id == session_id))
        if not found:
            raise SessionNotFoundError(f"no session '{session_id}'")
        return session_of(found[0])

    def sessions(self, *, owner: str | None = None, open_only: bool = False) -> list[Session]:
        query = _SESSIONS
        if owner is not None:
            query = query.where(sessions.c.owner == owner)
        if open_only:
            query = query.where(sessions.c.closed.is_(None))
        return [session_of(row) for row in self._rows(query)]

    def put_session(self, session: Session, *, expected: Session) -> bool:
        one = sessions.c.session_id == session.session_id

        def work(transaction: Transaction) -> bool:
            row = transaction.execute(select(sessions).where(one).with_for_update()).first()
            if row is None:
                raise SessionNotFoundError(f"no session '{session.session_id}'")
            if session_of(row) != expected:
                return False
            transaction.execute(update(sessions).where(one).values(asdict(session)))
            transaction.ring(QUEUE)
            return True

        return self._database.write(work)

    def put_user(self, user: User) -> None:
        values = asdict(user)
        self._database.write(lambda transaction: _put(transaction, users, "user_id", values))

    def user(self, user_id: str) -> User:
        found = self._rows(_USER, {"wanted": user_id})
        if not found:
            raise _no_user(user_id)
        return user_of(found[0])

    def users(self) -> list[User]:
        found = [user_of(row) for row in self._rows(select(users))]
        return sorted(found, key=lambda user: user.user_id)

    def put_key(self, key: ApiKey) -> None:
        owner = select(users.c.user_id).where(users.c.user_id == key.user_id)

        def work(transaction: Transaction) -> None:
            if transaction.execute(owner).first() is None:
                raise _no_user(key.user_id)
            _put(transaction, api_keys, "key_id", key_values(key))

        self._database.write(work)

    def key_by_prefix(self, prefix: str) -> ApiKey | None:
        found = self._rows(_KEY, {"prefix": prefix})
        return key_of(found[0]) if found else None

    def keys(self, user_id: str | None = None) -> list[ApiKey]:
        query = select(api_keys).order_by(api_keys.c.seq)
        if user_id is not None:
            query = query.where(api_keys.c.user_id == user_id)
        return [key_of(row) for row in self._rows(query)]

    def add_audit(self, *entries: AuditEntry) -> None:
        rows = [asdict(entry) for entry in entries]
        if rows:
            self._database.write(
                lambda transaction: transaction.execute(insert(audit), rows).close()
            )

    def audit(self, *, limit: int = 100) -> list[AuditEntry]:
        query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
        return [audit_entry_of(row) for row in self._rows(query)]

    def _rows(self, query: Select[Any], values: dict[str, Any] | None = None) -> list[Any]:
        return self._database.read(lambda transaction: list(transaction.execute(query, values)))


def _put(transaction: Transaction, table: Any, key: str, values: dict[str, Any]) -> None:
    held = transaction.insert(table).values(values)
    rest = {name: value for name, value in values.items() if name != key}
    transaction.execute(held.on_conflict_do_update(index_elements=[key], set_=rest))


def _no_user(user_id: str) -> UserNotFoundError:
    return UserNotFoundError(f"no user '{user_id}'")
