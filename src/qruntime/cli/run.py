# SPDX-License-Identifier: Apache-2.0
"""``qruntime run``: one program, once, with its progress."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qruntime.cli.follow import (
    BAD_INPUT,
    INTERRUPTED,
    INTERRUPTION,
    TERMINATED,
    TerminatedError,
    follow,
    is_special,
)
from qruntime.cli.values import inputs_file, pairs
from qruntime.errors import DuplicateProgramError, InvalidInputError, QRuntimeError

if TYPE_CHECKING:
    from qruntime.client.service import RuntimeService


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
    url: Annotated[
        str | None,
        typer.Option(help="Run it on this server, with the key of `qruntime login`."),
    ] = None,
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
    """Run a program next to a backend and print its result: here, or with --url on a server.

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
        with _terminable(), _service(url) as service:
            program_id = _uploaded(service, program, metadata)
            job = service.run(program_id, inputs_file(inputs) | given, options)
            code = follow(job, as_json=json, cancel=True, output=output)
    except QRuntimeError as error:
        code = _say(error.code, str(error), BAD_INPUT, as_json=json)
    except KeyboardInterrupt:
        code = _say("job_cancelled", INTERRUPTION, INTERRUPTED, as_json=json)
    except TerminatedError:
        code = _say("job_cancelled", INTERRUPTION, TERMINATED, as_json=json)
    raise typer.Exit(code)


def _say(code: str, message: str, exit_code: int, *, as_json: bool) -> int:
    """Tell why there is no result, from outside a job; return the exit code."""
    from qruntime.cli.progress import JsonDisplay, PlainDisplay

    (JsonDisplay() if as_json else PlainDisplay()).failure(code, message, "")
    return exit_code


@contextmanager
def _service(url: str | None) -> Iterator[RuntimeService]:
    if url is not None:
        from qruntime.client.service import RuntimeService

        with RuntimeService(url) as service:
            yield service
        return
    from qruntime.bootstrap import launcher, local

    starter = launcher("process")  # it loads Qiskit while this process does
    try:
        from qruntime.client.service import RuntimeService

        with RuntimeService(connection=local(starter)) as service:
            yield service
    finally:
        starter.close()


def _uploaded(service: RuntimeService, program: Path, metadata: Path | None) -> str:
    """Upload a program, or make a new version of the one that has its name."""
    try:
        return service.upload_program(program, metadata)
    except DuplicateProgramError as error:
        service.update_program(error.program_id, program, metadata)
        return error.program_id


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that the worker is ended with us."""

    def terminate(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: the clean-up is on its way
        raise TerminatedError

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_output(output: Path | None) -> None:
    if output is None or is_special(output):
        return
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise InvalidInputError(f"--output {output}: there is no folder to write such a file in")
    if not os.access(output.absolute().parent, os.W_OK):
        raise InvalidInputError(f"--output {output}: the folder cannot be written to")
