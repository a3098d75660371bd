# SPDX-License-Identifier: Apache-2.0
"""Runs one task: load, check, call ``main``, send the result."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qruntime import wire
from qruntime.backends.registry import BackendRegistry
from qruntime.backends.wrappers import WatchedBackend
from qruntime.core.jobs import JobFailure, JobUsage
from qruntime.errors import QRuntimeError
from qruntime.program.backend import ProgramBackend
from qruntime.program.loader import check_inputs, load_program, program_traceback
from qruntime.program.messenger import UserMessenger
from qruntime.program.requirements import check_requirements
from qruntime.program.schema import validate
from qruntime.worker.output import captured
from qruntime.worker.task import Frame, FrameKind, Send, Task


class JobStopped(BaseException):
    """Raised in a program's thread to end it: the job was cancelled or ran too long.

    Not an ``Exception``: a program's own ``except Exception`` does not hold it up.
    """


def run_task(
    task: Task,
    send: Send,
    *,
    registry: BackendRegistry,
    check_stop: Callable[[], None] = lambda: None,
) -> None:
    """Run a task and send its frames, ending with one RESULT or FAILURE.

    ``check_stop`` is called before each run of circuits and each message; it raises ``JobStopped``
    to end the program, and then no last frame is sent.
    """
    with (
        tempfile.TemporaryDirectory(prefix="qruntime-") as folder,
        captured(lambda line, level: send(Frame(FrameKind.LOG, line, level)), task.log_level),
    ):
        try:
            result = _Run(task, send, registry, check_stop, Path(folder)).result()
        except JobStopped:
            return
        except BaseException as error:  # noqa: BLE001  whatever a program raises, SystemExit too, is its failure
            failure = _failure(error, Path(folder))
            send(Frame(FrameKind.FAILURE, json.dumps(asdict(failure))))
            return
    send(Frame(FrameKind.RESULT, result))


class _Run:
    """The steps of one task."""

    def __init__(
        self,
        task: Task,
        send: Send,
        registry: BackendRegistry,
        check_stop: Callable[[], None],
        folder: Path,
    ) -> None:
        self._task = task
        self._send = send
        self._registry = registry
        self._check_stop = check_stop
        self._folder = folder
        self._final = "null"

    def result(self) -> str:
        main = self._main()
        inputs = check_inputs(main, wire.decode(self._task.inputs))
        returned = main(self._backend(), UserMessenger(self._publish), **inputs)
        if returned is not None:
            self._finish(wire.encode(returned, name="result"))
        return self._final

    def _main(self) -> Callable[..., Any]:
        if self._task.function is not None:
            return self._task.function
        assert self._task.source is not None
        return load_program(self._task.source, self._folder).main

    def _backend(self) -> ProgramBackend:
        backend = self._task.backend
        if backend is None:
            backend = self._registry.create(self._task.backend_name)
        options = wire.decode(self._task.backend_options)
        if options:
            backend.set_options(**options)
        check_requirements(self._task.spec.backend_requirements, backend)
        return WatchedBackend(backend, before_run=self._check_stop, after_run=self._use)

    def _use(self, usage: JobUsage) -> None:
        self._send(Frame(FrameKind.USAGE, json.dumps(asdict(usage))))

    def _publish(self, text: str, final: bool) -> None:
        self._check_stop()
        if final:
            self._finish(text)
            return
        _check(text, self._task.spec.interim_results, "interim result")
        self._send(Frame(FrameKind.INTERIM_RESULT, text))

    def _finish(self, text: str) -> None:
        _check(text, self._task.spec.return_values, "result")
        self._final = text


def _check(text: str, schema: Any, name: str) -> None:
    if schema:
        validate(json.loads(text), schema, name=name)


def _failure(error: BaseException, folder: Path) -> JobFailure:
    code = error.code if isinstance(error, QRuntimeError) else "program_raised"
    try:
        message = str(error)
    except Exception:  # noqa: BLE001  a program's exception may be as broken as it likes
        message = "(its message cannot be read)"
    name = type(error).__name__
    return JobFailure(code, f"{name}: {message}" if message else name, program_traceback(error, folder))
