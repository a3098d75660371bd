# SPDX-License-Identifier: Apache-2.0
"""The tables of the first release."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SERIAL = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make everything."""
    _audit()
    _blobs()
    _checks()
    _jobs()
    _programs()
    _sessions()
    _submissions()
    _users()
    _api_keys()
    _events()
    _job_tags()
    _payloads()
    _versions()


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("touched", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_blobs"),
    )
    op.create_index("ix_blobs_touched", "blobs", ["touched"])


def _checks() -> None:
    op.create_table(
        "checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checks"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("program_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("backend_name", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("start_deadline", sa.Float(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("isolation", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("circuits", sa.BigInteger(), nullable=False),
        sa.Column("shots", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_jobs"),
        sa.UniqueConstraint("job_id", name="uq_jobs_job_id"),
    )
    op.create_index("ix_jobs_ended", "jobs", ["ended"], **_where("ended IS NOT NULL"))
    op.create_index("ix_jobs_owner_seq", "jobs", ["owner", "seq"])
    op.create_index("ix_jobs_program_id_seq", "jobs", ["program_id", "seq"])
    op.create_index(
        "ix_jobs_session_id", "jobs", ["session_id"], **_where("session_id IS NOT NULL")
    )
    op.create_index("ix_jobs_unfinished", "jobs", ["seq"], **_where("ended IS NULL"))
    op.create_index(
        "ix_jobs_owner_unfinished", "jobs", ["owner", "status"], **_where("ended IS NULL")
    )


def _programs() -> None:
    op.create_table(
        "programs",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("program_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("searched", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_programs"),
        sa.UniqueConstraint("program_id", name="uq_programs_program_id"),
    )
    op.create_index("ix_programs_owner", "programs", ["owner"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("backend_name", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("max_seconds", sa.Float(), nullable=False),
        sa.Column("idle_seconds", sa.Float(), nullable=False),
        sa.Column("accepting", sa.Boolean(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.Column("closed", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_sessions"),
        sa.UniqueConstraint("session_id", name="uq_sessions_session_id"),
    )
    op.create_index("ix_sessions_open", "sessions", ["seq"], **_where("closed IS NULL"))
    op.create_index("ix_sessions_owner_seq", "sessions", ["owner", "seq"])


def _submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_submissions"),
    )
    op.create_index("ix_submissions_created", "submissions", ["created"])


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_users"),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="fk_api_keys_user_id_users"),
        sa.PrimaryKeyConstraint("seq", name="pk_api_keys"),
        sa.UniqueConstraint("key_id", name="uq_api_keys_key_id"),
    )
    op.create_index("ix_api_keys_prefix", "api_keys", ["prefix"])
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("job", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("cursor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("blob", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["blob"], ["blobs.digest"], name="fk_events_blob_blobs"),
        sa.ForeignKeyConstraint(
            ["job"], ["jobs.seq"], name="fk_events_job_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job", "cursor", name="pk_events"),
    )
    op.create_index("ix_events_blob", "events", ["blob"], **_where("blob IS NOT NULL"))


def _job_tags() -> None:
    op.create_table(
        "job_tags",
        sa.Column("job", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job"], ["jobs.seq"], name="fk_job_tags_job_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job", "tag", name="pk_job_tags"),
    )
    op.create_index("ix_job_tags_tag", "job_tags", ["tag"])


def _payloads() -> None:
    op.create_table(
        "payloads",
        sa.Column("job", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("blob", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["blob"], ["blobs.digest"], name="fk_payloads_blob_blobs"),
        sa.ForeignKeyConstraint(
            ["job"], ["jobs.seq"], name="fk_payloads_job_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job", "name", name="pk_payloads"),
    )
    op.create_index("ix_payloads_blob", "payloads", ["blob"], **_where("blob IS NOT NULL"))


def _versions() -> None:
    op.create_table(
        "versions",
        sa.Column("program_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.LargeBinary(), nullable=True),
        sa.Column("blob", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["blob"], ["blobs.digest"], name="fk_versions_blob_blobs"),
        sa.PrimaryKeyConstraint("program_id", "version", name="pk_versions"),
        sa.UniqueConstraint("program_id", "number", name="uq_versions_program_id_number"),
    )
    op.create_index("ix_versions_blob", "versions", ["blob"], **_where("blob IS NOT NULL"))
