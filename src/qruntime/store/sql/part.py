# SPDX-License-Identifier: Apache-2.0
"""What the parts of ``SqlStore`` share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from qruntime.store.base import Store
from qruntime.store.sql.database import Database
from qruntime.store.sql.values import Values


class Part(Store):
    """A store that has a database, values and a clock."""

    _database: Database
    _values: Values
    _now: Callable[[], datetime]
