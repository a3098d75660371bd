# SPDX-License-Identifier: Apache-2.0
"""``Trial``: imports an uploaded program in a worker, before anybody runs it."""

from __future__ import annotations

import json
import threading

from qruntime.core.jobs import JobFailure
from qruntime.core.programs import ProgramSource
from qruntime.engine.launchers import Launcher
from qruntime.errors import InvalidProgramError, TooManyRequestsError
from qruntime.program.checks import check_program
from qruntime.worker.task import Frame, FrameKind, Task

_MOST_SECONDS = 60.0
_AT_ONCE = 2


class Trial:
    """Calling it imports a program in a process of its own and looks for its ``main``.

    The import may take ``seconds``; two happen at once, and others wait as long.
    """

    def __init__(self, launcher: Launcher, *, seconds: float = _MOST_SECONDS) -> None:
        self._launcher = launcher
        self._seconds = seconds
        self._room = threading.Semaphore(_AT_ONCE)

    def __call__(self, source: ProgramSource) -> None:
        """Try a program.

        Raises:
            InvalidProgramError: it cannot be imported, has no ``main``, or takes too long; the
                message ends with its own traceback.
            TooManyRequestsError: too many others are being tried.
        """
        check_program(source)
        if not self._room.acquire(timeout=self._seconds):
            raise TooManyRequestsError("too many programs are being uploaded", retry_after=10)
        try:
            failure = self._failure(source)
        finally:
            self._room.release()
        if failure is not None:
            text = f"{failure.message}\n{failure.traceback}".rstrip()
            raise InvalidProgramError(text)

    def _failure(self, source: ProgramSource) -> JobFailure | None:
        frames: list[Frame] = []
        task = Task("{}", "", source=source, only_load=True)
        attempt = self._launcher.launch(task, frames.append)
        if not attempt.wait(self._seconds):
            attempt.stop()
            return JobFailure(
                "invalid_program", f"its import takes longer than {self._seconds:g} s"
            )
        for frame in frames:
            if frame.kind is FrameKind.FAILURE:
                return JobFailure(**json.loads(frame.data))
        return None
