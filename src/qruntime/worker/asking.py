# SPDX-License-Identifier: Apache-2.0
"""How a worker asks the broker, over its one channel, to run circuits."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable

from qruntime.errors import ExecutionError
from qruntime.worker.task import Frame, FrameKind, Send

Receive = Callable[[], Frame | None]
"""Waits for the next frame that comes to the worker; None when no more will come."""


class Asking:
    """Sends runs and waits for their answers, one at a time, whatever threads the program has.

    ``check_stop`` is called when no answer will come.
    """

    def __init__(self, send: Send, receive: Receive, check_stop: Callable[[], None]) -> None:
        self._send = send
        self._receive = receive
        self._check_stop = check_stop
        self._numbers = itertools.count(1)
        self._turn = threading.Lock()
        self._owner = os.getpid()
        self._over = False

    def ask(self, request: str) -> str:
        """Return the answer to a request; if the wait is interrupted, the run is called off.

        Raises:
            ExecutionError: there is nobody to ask.
        """
        if os.getpid() != self._owner:
            raise ExecutionError(
                "only the program's first process can run circuits on this backend"
            )
        with self._turn:
            number = str(next(self._numbers))
            try:
                self._send(Frame(FrameKind.RUN, request, number))
                return self._answer(number)
            except BaseException:
                self._send(Frame(FrameKind.CALL_OFF, "", number))
                raise

    def _answer(self, number: str) -> str:
        """Wait for the answer of this number; those of runs that were called off are skipped."""
        while not self._over:
            frame = self._receive()
            if frame is None:
                self._over = True
            elif frame.kind is FrameKind.ANSWER and frame.level == number:
                return frame.data
        self._check_stop()
        raise ExecutionError("the broker that runs the circuits is gone")


def nobody() -> None:
    """Receive nothing: there is no channel on which anything could come."""
