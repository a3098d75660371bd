# SPDX-License-Identifier: Apache-2.0
"""Runs one task: load, check, call ``main``, send the result."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qruntime import wire
from qruntime.backends.wrappers import WatchedBackend
from qruntime.core.jobs import JobFailure, JobUsage
from qruntime.errors import QRuntimeError, UndecodableError
from qruntime.program.backend import ProgramBackend
from qruntime.program.loader import check_inputs, load_program
from qruntime.program.messenger import UserMessenger
from qruntime.program.requirements import check_requirements
from qruntime.program.schema import validate
from qruntime.program.traces import program_traceback, touches
from qruntime.worker.asking import Asking, Receive, nobody
from qruntime.worker.output import captured
from qruntime.worker.served import served_functions
from qruntime.worker.task import Frame, FrameKind, Send, Task

_USAGE_SECONDS = 0.1
"""How often a running program's usage is told: a loop of short runs is not slowed by it."""

CreateBackend = Callable[[str], ProgramBackend]


class JobStopped(BaseException):
    """Raised in a program's thread to end it: the job was cancelled or ran too long.

    Not an ``Exception``: a program's own ``except Exception`` does not hold it up.
    """


def run_task(
    task: Task,
    send: Send,
    *,
    create: CreateBackend,
    check_stop: Callable[[], None] = lambda: None,
    receive: Receive = nobody,
) -> None:
    """Run a task and send its frames, ending with one RESULT or FAILURE.

    ``create`` makes the backend that the task names, if it does not hold or describe one;
    ``receive`` is how answers for one that it describes come.

    ``check_stop`` is called before each run of circuits and each message; it raises ``JobStopped``
    to end the program, and then no last frame is sent.
    """
    with (
        tempfile.TemporaryDirectory(prefix="qruntime-", ignore_cleanup_errors=True) as folder,
        captured(lambda line, level: send(Frame(FrameKind.LOG, line, level)), task.log_level),
    ):
        asking = Asking(send, receive, check_stop)
        run = _Run(task, send, _Backends(create, asking), check_stop, Path(folder))
        try:
            result = run.result()
        except JobStopped:
            return
        except BaseException as error:  # noqa: BLE001  whatever a program raises, SystemExit too, is its failure
            failure = _failure(error, run.home)
            send(Frame(FrameKind.FAILURE, json.dumps(asdict(failure))))
            return
    send(Frame(FrameKind.RESULT, result))


class _Backends:
    """Where the backend of a task comes from."""

    def __init__(self, create: CreateBackend, asking: Asking) -> None:
        self._create = create
        self._asking = asking

    def of(self, task: Task) -> ProgramBackend:
        if task.backend is not None:
            held: ProgramBackend = task.backend
            return held
        if task.brokered:
            from qruntime.backends.brokered import BrokeredBackend

            return BrokeredBackend(task.brokered, self._asking.ask)
        return self._create(task.backend_name)


class _Run:
    """The steps of one task."""

    def __init__(
        self,
        task: Task,
        send: Send,
        backends: _Backends,
        check_stop: Callable[[], None],
        folder: Path,
    ) -> None:
        self._task = task
        self._send = send
        self._backends = backends
        self._check_stop = check_stop
        self._folder = folder
        self.home = _home_of(task.function, folder)
        self._final = "null"
        self._usage = JobUsage()
        self._told_at = 0.0

    def result(self) -> str:
        if self._task.function is not None:
            returned = self._call(self._task.function)
        else:
            assert self._task.source is not None
            served = served_functions() if self._task.transpile_cache else None
            loaded = load_program(self._task.source, self._folder, served)
            if self._task.only_load:
                return self._final
            with loaded.registered():
                returned = self._call(loaded.main)
        if returned is not None:
            self._finish(wire.encode(returned, root="result"))
        return self._final

    def _call(self, main: Callable[..., Any]) -> Any:
        inputs = check_inputs(main, wire.decode(self._task.inputs))
        try:
            return main(self._backend(), UserMessenger(self._publish), **inputs)
        finally:
            self._tell_usage()

    def _backend(self) -> ProgramBackend:
        backend = self._backends.of(self._task)
        options = wire.decode(self._task.backend_options)
        if options:
            backend.set_options(**options)
        check_requirements(self._task.spec.backend_requirements, backend)
        return WatchedBackend(backend, before_run=self._check_stop, after_run=self._use)

    def _use(self, usage: JobUsage) -> None:
        self._usage = usage
        if time.monotonic() - self._told_at >= _USAGE_SECONDS:
            self._tell_usage()

    def _tell_usage(self) -> None:
        self._told_at = time.monotonic()
        self._send(Frame(FrameKind.USAGE, json.dumps(asdict(self._usage))))

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
        validate(_plain(text), schema, name=name)


def _plain(text: str) -> Any:
    """Return the JSON view of a message; a program's own encoder may use tags of its own."""
    try:
        return wire.plain(wire.decode(text))
    except UndecodableError:
        return json.loads(text)


def _home_of(function: Callable[..., Any] | None, folder: Path) -> Path:
    """Return where the program's own code lies: its traceback is trimmed to that."""
    code = getattr(function, "__code__", None)
    return folder.resolve() if code is None else Path(code.co_filename).parent


def _failure(error: BaseException, home: Path) -> JobFailure:
    if isinstance(error, QRuntimeError) and not touches(error, home):
        return JobFailure(error.code, str(error))
    code = error.code if isinstance(error, QRuntimeError) else "program_raised"
    try:
        message = str(error)
    except Exception:  # noqa: BLE001  a program's exception may be as broken as it likes
        message = "(its message cannot be read)"
    name = type(error).__name__
    return JobFailure(
        code, f"{name}: {message}" if message else name, program_traceback(error, home)
    )
