# SPDX-License-Identifier: Apache-2.0
"""A way to a server that is cut off in the middle of a stream."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

_EVENT = b"\nid: "
_PART = 4096
_RESET = struct.pack("ii", 1, 0)  # closing sends RST: nothing in the buffers arrives any more


class CuttingWay:
    """Passes connections on to a server; resets one once so many events have come back on it.

    ``after`` are counts of events over all connections. ``cuts`` says how often it has cut.
    """

    def __init__(self, url: str, after: Sequence[int]) -> None:
        parts = urlsplit(url)
        self._server = (str(parts.hostname), int(parts.port or 80))
        self._after = list(after)
        self._events = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                threading.Thread(target=self._there, args=(client, server), daemon=True).start()
                threading.Thread(target=self._back, args=(client, server), daemon=True).start()

    def _there(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := client.recv(_PART):
                server.sendall(part)
            server.shutdown(socket.SHUT_WR)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            tail = b""
            while part := server.recv(_PART):
                client.sendall(part)
                found = (tail + part).count(_EVENT)
                tail = part[-len(_EVENT) + 1 :]
                if found and self._is_due(found):
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    break
        for connection in (client, server):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
            connection.close()

    def _is_due(self, found: int) -> bool:
        with self._lock:
            self._events += found
            if not self._after or self._events < self._after[0]:
                return False
            self._after.pop(0)
            self.cuts += 1
            return True


@contextmanager
def cutting(url: str, after: Sequence[int]) -> Iterator[CuttingWay]:
    """Open a way to a server for a while."""
    way = CuttingWay(url, after)
    try:
        yield way
    finally:
        way.close()
