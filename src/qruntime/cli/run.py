# SPDX-License-Identifier: Apache-2.0
"""``qruntime run``: one program, once, with its progress."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qruntime.cli.values import inputs_file, pairs
from qruntime.errors import InvalidInputError, InvalidStateError, QRuntimeError

if TYPE_CHECKING:
    from qruntime.cli.progress import Display
    from qruntime.client.job import RuntimeJob

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
TERMINATED = 143

_INTERRUPTED = "interrupted: the job was cancelled"
_BAD_INPUT_CODES = ("invalid_input", "invalid_program", "missing_dependency")
"""What a worker finds wrong before the program's own code runs."""


def run(  # noqa: PLR0913  a parameter is an option of the command
    program: Annotated[
        Path, typer.Argument(help="A Python file, a folder, or a zip file with main().")
    ],
    *,
    backend: Annotated[
        str,
        typer.Option(help="A name from `qruntime backends`, or FILE.py:CLASS, or MODULE:CLASS."),
    ] = "aer_simulator",
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input", "-i", metavar="KEY=VALUE", help="One input; VALUE is JSON or text."
        ),
    ] = None,
    inputs: Annotated[Path | None, typer.Option(help="A JSON file with inputs.")] = None,
    shots: Annotated[
        int | None, typer.Option(help="The backend's default number of shots.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="KEY=VALUE", help="A backend option."),
    ] = None,
    metadata: Annotated[
        Path | None, typer.Option(help="The program's metadata; else the file beside it.")
    ] = None,
    max_time: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop the program after this time.")
    ] = None,
    log_level: Annotated[
        str, typer.Option(help="DEBUG, INFO, WARNING, ERROR or CRITICAL.")
    ] = "WARNING",
    transpile_cache: Annotated[
        bool,
        typer.Option(
            "--transpile-cache/--no-transpile-cache",
            help="Serve the program's transpile() from a cache, or leave all of it to Qiskit.",
        ),
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the result to this file, as JSON.")
    ] = None,
) -> None:
    """Run a program next to a backend and print its result.

    The exit code is 0 with a result, 1 if the program failed, 2 for bad input, 130 after Ctrl-C.
    """
    try:
        backend_options = pairs(option or (), "--option")
        if shots is not None:
            backend_options["shots"] = shots
        given = pairs(input_ or (), "--input")
        _check_output(output)
        options = {
            "backend_name": backend,
            "backend_options": backend_options,
            "log_level": log_level,
            "max_execution_time": max_time,
            "transpile_cache": transpile_cache,
        }
        code = _run(program, metadata, inputs, given, options, as_json=json, output=output)
    except QRuntimeError as error:
        code = _say(error.code, str(error), BAD_INPUT, as_json=json)
    except KeyboardInterrupt:
        code = _say("job_cancelled", _INTERRUPTED, INTERRUPTED, as_json=json)
    except _Terminated:
        code = _say("job_cancelled", _INTERRUPTED, TERMINATED, as_json=json)
    raise typer.Exit(code)


def _say(code: str, message: str, exit_code: int, *, as_json: bool) -> int:
    """Tell why there is no result, from outside a job; return the exit code."""
    from qruntime.cli.progress import JsonDisplay, PlainDisplay

    (JsonDisplay() if as_json else PlainDisplay()).failure(code, message, "")
    return exit_code


def _run(
    program: Path,
    metadata: Path | None,
    inputs: Path | None,
    given: dict[str, Any],
    options: dict[str, Any],
    *,
    as_json: bool,
    output: Path | None,
) -> int:
    from qruntime.bootstrap import launcher, local

    with _terminable():
        starter = launcher("process")  # it loads Qiskit while this process does
        try:
            from qruntime.cli.progress import JsonDisplay, display
            from qruntime.client.service import RuntimeService

            with RuntimeService(connection=local(starter)) as service:
                program_id = service.upload_program(program, metadata)
                job = service.run(program_id, inputs_file(inputs) | given, options)
                with JsonDisplay() if as_json else display() as shown:
                    return _follow(job, shown, output)
        finally:
            starter.close()


def _follow(job: RuntimeJob, shown: Display, output: Path | None) -> int:
    try:
        for event in job.events():
            shown.event(event)
    except (KeyboardInterrupt, _Terminated) as interruption:
        with suppress(InvalidStateError):
            job.cancel()
        shown.failure("job_cancelled", _INTERRUPTED, "")
        return TERMINATED if isinstance(interruption, _Terminated) else INTERRUPTED
    held = job.snapshot()
    if held.result is None:
        failure = held.failure
        if failure is None:
            shown.failure("job_cancelled", "the job was cancelled", "")
        else:
            shown.failure(failure.code, failure.message, failure.traceback)
            if failure.code in _BAD_INPUT_CODES and not failure.traceback:
                return BAD_INPUT
        return FAILED
    if output is not None:
        _write(output, held.result)
    shown.result(held.result)
    return 0


class _Terminated(BaseException):
    """SIGTERM came."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that the worker is ended with us."""

    def terminate(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: the clean-up is on its way
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_output(output: Path | None) -> None:
    if output is None or _is_special(output):
        return
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise InvalidInputError(f"--output {output}: there is no folder to write such a file in")
    if not os.access(output.absolute().parent, os.W_OK):
        raise InvalidInputError(f"--output {output}: the folder cannot be written to")


def _write(output: Path, text: str) -> None:
    """Write the file whole or not at all; a pipe or a device is written to as it is."""
    if _is_special(output):
        output.write_text(text + "\n")
        return
    target = output.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    with tempfile.NamedTemporaryFile(
        "w", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        file.write(text + "\n")
    Path(file.name).chmod(mode)
    Path(file.name).replace(target)


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
