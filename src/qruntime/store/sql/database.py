# SPDX-License-Identifier: Apache-2.0
"""Transactions on SQLite and PostgreSQL: begun, repeated where that is safe, their errors named."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import (
    CursorResult,
    Executable,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from qruntime.errors import (
    InvalidInputError,
    MissingDependencyError,
    QRuntimeError,
    StoreError,
)
from qruntime.store.bell import Bell

Result = TypeVar("Result")

CHANNEL = "qruntime"
"""PostgreSQL's channel for the bell: a list of the sender and the topics; none means all."""

_LONGEST_MESSAGE = 7999

_WRITES = {"qruntime_writes": True}
_BUSY_SECONDS = 2.0
_TRIES = 5
_BACKOFF_SECONDS = 0.02
_REPEATABLE = ("40001", "40P01", "55P03", "SQLITE_BUSY", "SQLITE_LOCKED")
_ALLOWED = "'sqlite:///FOLDER/FILE' or 'postgresql://USER:PASSWORD@HOST:PORT/DATABASE'"
_NOTIFY = select(func.pg_notify(CHANNEL, bindparam("message")))


Insert = Callable[[Table], Any]


class Transaction:
    """One method's statements, and the topics that it rings when they are committed."""

    def __init__(self, connection: Connection, sender: str) -> None:
        self.connection = connection
        self.topics: list[str] = []
        self._sender = sender

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL, where others write at the same time."""
        return self.connection.dialect.name == "postgresql"

    def execute(
        self,
        statement: Executable,
        values: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Execute a statement."""
        return self.connection.execute(statement, values)

    @property
    def insert(self) -> Insert:
        """What makes an insertion that knows ON CONFLICT."""
        return postgresql.insert if self.postgresql else sqlite.insert

    def ring(self, *topics: str) -> None:
        """Ring the bell for these topics when this is committed, and not otherwise."""
        self.topics += topics

    def tell_others(self) -> None:
        """Send the topics to the other processes, as a part of this transaction."""
        if self.topics and self.postgresql:
            message = json.dumps([self._sender, *self.topics])
            if len(message) > _LONGEST_MESSAGE:
                message = json.dumps([self._sender])
            self.execute(_NOTIFY, {"message": message})


Work = Callable[[Transaction], Result]


class Database:
    """An engine, and the two ways to use it: ``read`` and ``write``.

    Raises:
        InvalidInputError: the URL is not one of SQLite or PostgreSQL.
        MissingDependencyError: the driver for PostgreSQL is not installed.
    """

    def __init__(self, url: str, bell: Bell) -> None:
        self.url = database_url(url)
        self.bell = bell
        self.sender = os.urandom(8).hex()
        self.engine = make_engine(self.url)
        self._writing = self.engine.execution_options(**_WRITES)
        self._group = None
        if not self.postgresql:
            from qruntime.store.sql.group import GroupCommit

            self._group = GroupCommit(self._together)

    @property
    def postgresql(self) -> bool:
        """Whether this is PostgreSQL."""
        return self.engine.dialect.name == "postgresql"

    def read(self, work: Work[Result]) -> Result:
        """Return what ``work`` reads in one transaction."""
        with translated("reading"):
            return _repeated(lambda: self._once(self.engine, work))

    def write(self, work: Work[Result]) -> Result:
        """Return what ``work`` returns; what it wrote is durable then.

        It may be run several times, and of these only the last counts.
        """
        if self._group is not None:
            with translated("writing"):
                grouped: Result = self._group.run(work)
                return grouped
        with translated("writing"):
            return _repeated(lambda: self._once(self._writing, work))

    def _once(self, engine: Engine, work: Work[Result]) -> Result:
        with engine.connect() as connection:
            transaction = Transaction(connection, self.sender)
            with connection.begin():
                result = work(transaction)
                transaction.tell_others()
        for topic in transaction.topics:
            self.bell.ring(topic)
        return result

    def _together(self, works: Sequence[Work[Any]]) -> list[Any]:
        """Run works in one transaction, each in a savepoint; return their results and errors."""

        def all_of_them(outer: Transaction) -> list[Any]:
            outcomes: list[Any] = []
            for work in works:
                transaction = Transaction(outer.connection, self.sender)
                try:
                    with outer.connection.begin_nested():
                        outcomes.append(work(transaction))
                except DBAPIError:
                    raise
                except Exception as error:  # noqa: BLE001  it belongs to who asked for this work
                    outcomes.append(error)
                else:
                    outer.ring(*transaction.topics)
            return outcomes

        if len(works) == 1:
            return [_repeated(lambda: self._once(self._writing, works[0]))]
        return _repeated(lambda: self._once(self._writing, all_of_them))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def database_url(url: str) -> URL:
    """Return the URL with the driver that we use.

    Raises:
        InvalidInputError: it is not one of SQLite or PostgreSQL.
    """
    try:
        made = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InvalidInputError(f"this is not a database's URL; allowed: {_ALLOWED}") from error
    if made.drivername == "sqlite" and made.database not in (None, "", ":memory:"):
        return made
    if made.drivername == "postgresql" and made.database:
        return made.set(drivername="postgresql+psycopg")
    shown = made.render_as_string(hide_password=True)
    raise InvalidInputError(f"no database for '{shown}'; allowed: {_ALLOWED}")


def make_engine(url: URL) -> Engine:
    """Return an engine whose transactions begin as we need them to.

    Raises:
        MissingDependencyError: the driver for PostgreSQL is not installed.
    """
    if url.drivername == "sqlite":
        return _sqlite_engine(url)
    try:
        return create_engine(url, hide_parameters=True, pool_size=10, max_overflow=20)
    except (NoSuchModuleError, ImportError) as error:
        raise MissingDependencyError(
            "PostgreSQL needs a driver: pip install 'qruntime[postgres]'"
        ) from error


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
        pool_size=5,
        max_overflow=20,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself; see begin() below.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {int(_BUSY_SECONDS * 1000)}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "fullfsync = ON",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("qruntime_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the driver's errors into StoreError, which says what failed and no values."""
    try:
        yield
    except StatementError as error:
        if isinstance(error.orig, QRuntimeError):
            raise error.orig from error
        raise StoreError(f"the database failed at {doing}: {_reason(error)}") from error
    except PoolTimeoutError as error:
        raise StoreError(f"the database failed at {doing}: no connection was free") from error


def _reason(error: StatementError) -> str:
    cause = error.orig
    code = _code(error)
    return f"{type(cause).__name__} {code}".strip()


def _code(error: StatementError) -> str:
    cause = error.orig
    return getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""


def _repeated(attempt: Callable[[], Result]) -> Result:
    """Repeat what met another transaction, or a connection that was dead before it did anything."""
    for left in reversed(range(_TRIES)):
        try:
            return attempt()
        except DBAPIError as error:
            if not left or not _may_repeat(error):
                raise
            time.sleep(_BACKOFF_SECONDS * (_TRIES - left))
    raise AssertionError("unreachable")


def _may_repeat(error: DBAPIError) -> bool:
    # A commit carries no statement: if the connection broke there, nobody knows what happened.
    return _code(error).startswith(_REPEATABLE) or (
        error.connection_invalidated and bool(error.statement)
    )
