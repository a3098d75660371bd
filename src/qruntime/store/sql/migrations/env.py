# SPDX-License-Identifier: Apache-2.0
"""What Alembic runs: the migrations, in the transaction that ``store.sql.migrate`` began."""

from __future__ import annotations

from alembic import context

from qruntime.store.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
