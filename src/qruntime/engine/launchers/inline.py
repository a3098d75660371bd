# SPDX-License-Identifier: Apache-2.0
"""Workers that are threads of this process: no start-up time, and any function can be a program."""

from __future__ import annotations

import ctypes
import json
import queue
import threading
from dataclasses import asdict

from qruntime.backends.registry import installed
from qruntime.core.jobs import JobFailure
from qruntime.engine.launchers import Attempt, Launcher
from qruntime.worker.runner import JobStopped, run_task
from qruntime.worker.task import Frame, FrameKind, Send, Task

_TRIES = 5


class InlineLauncher(Launcher):
    """Runs each task in a thread.

    A thread cannot be killed: a stopped program ends at its next run of circuits, its next message
    or its next line of Python, so not within one long call of C code.
    """

    in_process = True

    def launch(self, task: Task, send: Send) -> Attempt:
        """Start a thread."""
        return _ThreadAttempt(task, send)

    def close(self) -> None:
        """Do nothing: nothing is kept ready."""


class _ThreadAttempt(Attempt):
    stop_seconds = 0.05

    def __init__(self, task: Task, send: Send) -> None:
        self._stopped = threading.Event()
        self._answers: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._run, args=(task, send), name="qruntime-job", daemon=True
        )
        self._thread.start()

    def _run(self, task: Task, send: Send) -> None:
        try:
            run_task(
                task,
                send,
                create=installed().create,
                check_stop=self._check_stop,
                receive=self._answers.get,
            )
        except JobStopped:
            return
        except Exception as error:  # noqa: BLE001  the thread would die of it unheard
            reason = f"it could not be run: {type(error).__name__}: {error}"
            failure = JobFailure("internal_error", reason)
            send(Frame(FrameKind.FAILURE, json.dumps(asdict(failure))))

    def _check_stop(self) -> None:
        if self._stopped.is_set():
            raise JobStopped

    def wait(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def answer(self, frame: Frame) -> None:
        self._answers.put(frame)

    def stop(self) -> None:
        """Ask the program to end; if it comes to no place that looks, raise in its thread.

        An exception raised so is lost if it comes up inside a callback of the garbage collector,
        so it is raised again.
        """
        self._stopped.set()
        self._answers.put(None)
        for _ in range(_TRIES):
            if self.wait(self.stop_seconds) or self._thread.ident is None:
                return
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident), ctypes.py_object(JobStopped)
            )
