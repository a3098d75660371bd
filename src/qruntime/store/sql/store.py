# SPDX-License-Identifier: Apache-2.0
"""``SqlStore``: the record of truth in SQLite or PostgreSQL, large values in an object store."""

# ruff: noqa: D102  each method is described in Store

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete

from qruntime.store.bell import Bell
from qruntime.store.blobs import Blobs, open_blobs
from qruntime.store.sql.database import Database, Transaction
from qruntime.store.sql.events import SqlEvents
from qruntime.store.sql.jobs import SqlJobs
from qruntime.store.sql.listener import Listener
from qruntime.store.sql.migrate import upgrade_with
from qruntime.store.sql.people import SqlPeople
from qruntime.store.sql.programs import SqlPrograms, forget_withdrawn
from qruntime.store.sql.provider_jobs import SqlProviderJobs
from qruntime.store.sql.tables import checks, submissions
from qruntime.store.sql.values import Values

_KEYS_ARE_KEPT = timedelta(days=1)


class SqlStore(SqlPrograms, SqlJobs, SqlEvents, SqlProviderJobs, SqlPeople):
    """A store on a database that is of this version already; see ``open_store``."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.bell = database.bell
        self._now = now
        self._database = database
        self._values = Values(database, blobs, now)
        self._listener = Listener(database) if database.postgresql else None

    def now(self) -> datetime:
        return self._now()

    def forget_before(self, moment: datetime) -> int:
        count = self._forget_jobs(moment)
        old = submissions.c.created < moment - _KEYS_ARE_KEPT

        def work(transaction: Transaction) -> None:
            transaction.execute(delete(submissions).where(old))
            forget_withdrawn(transaction, moment)

        self._database.write(work)
        self._values.forget_unused()
        return count

    def check(self) -> None:
        def work(transaction: Transaction) -> None:
            now = self._now()
            written = transaction.insert(checks).values(id=1, at=now)
            transaction.execute(
                written.on_conflict_do_update(index_elements=["id"], set_={"at": now})
            )

        self._database.write(work)
        self._values.objects.check()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._database.close()


def open_store(
    database_url: str,
    blobs_url: str,
    *,
    blobs_options: Mapping[str, Any] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SqlStore:
    """Open a store; make its tables, or bring them to this version, if need be.

    ``database_url`` is ``sqlite:///FOLDER/FILE`` or ``postgresql://...``; ``blobs_url`` and
    ``blobs_options`` are as in ``qruntime.store.blobs.open_blobs``.

    Raises:
        InvalidInputError: a URL is of another kind; the message says what is allowed.
        MissingDependencyError: the driver for PostgreSQL is not installed.
        StoreError: the database or the object store cannot be opened, or the database is of a
            newer version.
    """
    blobs = open_blobs(blobs_url, options=blobs_options)
    database = Database(database_url, Bell())
    try:
        upgrade_with(database)
        return SqlStore(database, blobs, now)
    except BaseException:
        database.close()
        raise
