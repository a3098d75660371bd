# SPDX-License-Identifier: Apache-2.0
"""The tables of the database. ``migrations/`` makes them; a test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from qruntime.errors import InvalidInputError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, as microseconds since 1970: exact, and the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002  the base class's
        """Return the time as a number."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  the base class's
        """Return the number as a time."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Name(TypeDecorator[str]):
    """Text that PostgreSQL can hold and that is looked for: ids, names, tags."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002  the base class's
        """Return the text.

        Raises:
            InvalidInputError: it has a zero byte, or is not Unicode.
        """
        if value is None:
            return None
        if "\0" in value or (not value.isascii() and _broken(value)):
            raise InvalidInputError("ids, names and tags are Unicode text without zero bytes")
        return str(value)


def _broken(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


_SERIAL = Integer().with_variant(BigInteger, "postgresql")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _blob() -> Column[Any]:
    return Column("blob", Text, ForeignKey("blobs.digest"))


# What is in the object store, or about to be; ``touched`` guards a blob that nothing refers to yet.
blobs = Table(
    "blobs",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("touched", Moment, nullable=False),
)
Index(None, blobs.c.touched)

programs = Table(
    "programs",
    metadata,
    Column("seq", _SERIAL, primary_key=True),
    Column("program_id", Name, nullable=False, unique=True),
    Column("version", Name, nullable=False),
    Column("owner", Name, nullable=False),
    Column("public", Boolean, nullable=False),
    Column("tags", Text, nullable=False),
    Column("searched", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
)
Index(None, programs.c.owner)

# ``withdrawn`` is when its program was deleted.
versions = Table(
    "versions",
    metadata,
    Column("program_id", Name, primary_key=True),
    Column("version", Name, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("withdrawn", Moment),
    Column("source", LargeBinary),
    _blob(),
    UniqueConstraint("program_id", "number"),
)
Index(None, versions.c.blob, **_where("blob IS NOT NULL"))

# A job has ended exactly if ``ended`` is not null; ``cursor`` is that of its last event.
jobs = Table(
    "jobs",
    metadata,
    Column("seq", _SERIAL, primary_key=True),
    Column("job_id", Name, nullable=False, unique=True),
    Column("program_id", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("owner", Name, nullable=False),
    Column("backend_name", Name, nullable=False),
    Column("session_id", Name),
    Column("status", Name, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("start_deadline", Float),
    Column("created", Moment, nullable=False),
    Column("started", Moment),
    Column("ended", Moment),
    Column("attempt", Integer, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("isolation", Name, nullable=False),
    Column("options", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("failure", Text),
    Column("runs", BigInteger, nullable=False),
    Column("circuits", BigInteger, nullable=False),
    Column("shots", BigInteger, nullable=False),
)
Index("ix_jobs_unfinished", jobs.c.seq, **_where("ended IS NULL"))
Index("ix_jobs_owner_unfinished", jobs.c.owner, jobs.c.status, **_where("ended IS NULL"))
Index(None, jobs.c.ended, **_where("ended IS NOT NULL"))
Index(None, jobs.c.owner, jobs.c.seq)
Index(None, jobs.c.program_id, jobs.c.seq)
Index(None, jobs.c.session_id, **_where("session_id IS NOT NULL"))


def _of_job() -> Column[Any]:
    key = ForeignKey("jobs.seq", ondelete="CASCADE")
    return Column("job", _SERIAL, key, primary_key=True, autoincrement=False)


# Inputs and results stand apart, so that a job's row stays short however often it is rewritten.
payloads = Table(
    "payloads",
    metadata,
    _of_job(),
    Column("name", Text, primary_key=True),
    Column("data", LargeBinary),
    _blob(),
)
Index(None, payloads.c.blob, **_where("blob IS NOT NULL"))

events = Table(
    "events",
    metadata,
    _of_job(),
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Name, nullable=False),
    Column("level", Name, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created", Moment, nullable=False),
    Column("data", LargeBinary),
    _blob(),
)
Index(None, events.c.blob, **_where("blob IS NOT NULL"))

# What jobs have had run at providers: written before it is submitted.
provider_jobs = Table(
    "provider_jobs",
    metadata,
    _of_job(),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("backend_name", Name, nullable=False),
    Column("token", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("provider_job_id", Name),
    Column("created", Moment, nullable=False),
)
Index(
    "ix_provider_jobs_open",
    provider_jobs.c.job,
    **_where("state IN ('intended', 'submitted', 'unknown')"),
)

job_tags = Table(
    "job_tags",
    metadata,
    _of_job(),
    Column("tag", Name, primary_key=True),
)
Index(None, job_tags.c.tag)

# A key outlives the job that was submitted with it.
submissions = Table(
    "submissions",
    metadata,
    Column("owner", Name, primary_key=True),
    Column("key", Name, primary_key=True),
    Column("body_digest", Name, nullable=False),
    Column("job_id", Name, nullable=False),
    Column("created", Moment, nullable=False),
)
Index(None, submissions.c.created)

sessions = Table(
    "sessions",
    metadata,
    Column("seq", _SERIAL, primary_key=True),
    Column("session_id", Name, nullable=False, unique=True),
    Column("owner", Name, nullable=False),
    Column("backend_name", Name, nullable=False),
    Column("mode", Name, nullable=False),
    Column("created", Moment, nullable=False),
    Column("max_seconds", Float, nullable=False),
    Column("idle_seconds", Float, nullable=False),
    Column("accepting", Boolean, nullable=False),
    Column("started", Moment),
    Column("closed", Moment),
)
Index(None, sessions.c.owner, sessions.c.seq)
Index("ix_sessions_open", sessions.c.seq, **_where("closed IS NULL"))

users = Table(
    "users",
    metadata,
    Column("user_id", Name, primary_key=True),
    Column("role", Name, nullable=False),
    Column("created", Moment, nullable=False),
    Column("weight", Float, nullable=False),
    Column("disabled", Boolean, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("seq", _SERIAL, primary_key=True),
    Column("key_id", Name, nullable=False, unique=True),
    Column("user_id", Name, ForeignKey("users.user_id"), nullable=False),
    Column("name", Name, nullable=False),
    Column("prefix", Name, nullable=False),
    Column("digest", Name, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("revoked", Moment),
)
Index(None, api_keys.c.prefix)
Index(None, api_keys.c.user_id)

audit = Table(
    "audit",
    metadata,
    Column("seq", _SERIAL, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("user_id", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("target", Name, nullable=False),
    Column("outcome", Name, nullable=False),
)

checks = Table(
    "checks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
)
