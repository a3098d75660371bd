# SPDX-License-Identifier: Apache-2.0
"""The store in a database: SQLite for one host, PostgreSQL for many."""

from __future__ import annotations

from qruntime.store.sql.migrate import current, upgrade
from qruntime.store.sql.store import SqlStore, open_store

__all__ = ["SqlStore", "current", "open_store", "upgrade"]
