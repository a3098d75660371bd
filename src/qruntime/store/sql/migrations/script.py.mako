# SPDX-License-Identifier: Apache-2.0
"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Bring the database here; the previous release must be able to go on with it."""
    ${upgrades if upgrades else "pass"}
