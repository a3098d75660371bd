# SPDX-License-Identifier: Apache-2.0
"""Brings a database to the version of this release, or refuses one that is newer."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from qruntime.errors import StoreError
from qruntime.store.bell import Bell
from qruntime.store.sql.database import Database, Transaction

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x71_72_75_6E_74_69_6D_65


def upgrade(url: str) -> str:
    """Bring the database to this release's revision, which is returned; make it if it is empty.

    Of several processes that do this at once, one does it and the others wait.

    Raises:
        InvalidInputError: the URL is not one of SQLite or PostgreSQL.
        StoreError: the database failed, or is of a newer release.
    """
    database = Database(url, Bell())
    try:
        return upgrade_with(database)
    finally:
        database.close()


def current(url: str) -> str | None:
    """Return the revision of a database, or None if it is empty.

    Raises:
        InvalidInputError: the URL is not one of SQLite or PostgreSQL.
        StoreError: the database failed.
    """
    database = Database(url, Bell())
    try:
        return database.read(lambda transaction: _revision(transaction.connection))
    finally:
        database.close()


def upgrade_with(database: Database) -> str:
    """Do what ``upgrade`` does with the connections of ``database``."""
    scripts = ScriptDirectory(str(_FOLDER))
    newest = scripts.get_current_head()
    known = {script.revision for script in scripts.walk_revisions()}

    def work(transaction: Transaction) -> str:
        if transaction.postgresql:
            transaction.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        found = _revision(transaction.connection)
        if found is not None and found not in known:
            raise StoreError(
                f"the database is of a newer release of qruntime (its revision is {found}, the "
                f"newest known here is {newest}): use that release, or restore a backup"
            )
        if found != newest:
            config = Config()
            config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
            config.attributes["connection"] = transaction.connection
            command.upgrade(config, "head")
        return str(newest)

    return database.write(work)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
