# SPDX-License-Identifier: Apache-2.0
"""``Listener``: rings the bell of this process when another one rings his, through PostgreSQL."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from qruntime.errors import StoreError
from qruntime.store.sql.database import CHANNEL, Database

if TYPE_CHECKING:
    from psycopg import Connection

_OPEN_SECONDS = 10
_LONGEST_PAUSE_SECONDS = 5.0
_LOOK_SECONDS = 60.0


class Listener:
    """Holds one connection that listens, in a thread; a broken one is made anew.

    After each new connection everybody is woken, for what was rung in between is not known.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bell = database.bell
        self._closed = threading.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="qruntime-bell", daemon=True)
        self._thread.start()
        self._listening.wait(_OPEN_SECONDS)

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        message = json.dumps([self._database.sender])
        try:
            self._database.write(
                lambda transaction: transaction.execute(
                    select(func.pg_notify(CHANNEL, message))
                ).close()
            )
        except StoreError:
            return  # the thread ends with the process, or when it next looks
        self._thread.join(_OPEN_SECONDS)

    def _run(self) -> None:
        import psycopg

        pause = 0.0
        while not self._closed.wait(pause):
            pause = min(_LONGEST_PAUSE_SECONDS, pause + 0.5)
            try:
                with self._connect() as connection:
                    pause = 0.0
                    self._bell.ring_all()
                    self._listening.set()
                    self._listen(connection)
            except (psycopg.Error, DBAPIError, OSError):
                self._listening.clear()

    def _connect(self) -> Connection[Any]:
        import psycopg

        url = self._database.url.set(drivername="postgresql")
        connection = psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def _listen(self, connection: Connection[Any]) -> None:
        while not self._closed.is_set():
            # The time-out only serves to notice that the store was closed without a word.
            for notice in connection.notifies(timeout=_LOOK_SECONDS):
                self._ring(notice.payload)
                if self._closed.is_set():
                    return

    def _ring(self, message: str) -> None:
        try:
            sender, *topics = json.loads(message)
        except ValueError:
            return  # somebody else's word on this channel
        if sender == self._database.sender:
            return
        if not topics:
            self._bell.ring_all()
        for topic in topics:
            self._bell.ring(topic)
