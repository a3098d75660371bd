# SPDX-License-Identifier: Apache-2.0
"""The jobs that jobs have had run at providers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_SERIAL = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_OPEN = sa.text("state IN ('intended', 'submitted', 'unknown')")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "provider_jobs",
        sa.Column("job", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("backend_name", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("provider_job_id", sa.Text(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job"], ["jobs.seq"], name="fk_provider_jobs_job_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job", "attempt", "number", name="pk_provider_jobs"),
    )
    op.create_index(
        "ix_provider_jobs_open",
        "provider_jobs",
        ["job"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
