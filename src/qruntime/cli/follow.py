# SPDX-License-Identifier: Apache-2.0
"""Follow a job on the command line: show what happens, print its result, give the exit code."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qruntime.core.jobs import JobStatus
from qruntime.errors import InvalidStateError

if TYPE_CHECKING:
    from qruntime.client.job import RuntimeJob

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
TERMINATED = 143

INTERRUPTION = "interrupted: the job was cancelled"
_LEFT = "interrupted: the job goes on"
_BAD_INPUT_CODES = ("invalid_input", "invalid_program", "missing_dependency")
"""What a worker finds wrong before the program's own code runs."""


class TerminatedError(BaseException):
    """SIGTERM came."""


def follow(job: RuntimeJob, *, as_json: bool, cancel: bool, output: Path | None = None) -> int:
    """Show a job to its end and return the exit code.

    ``cancel`` says that an interruption ends the job too.
    """
    from qruntime.cli.progress import JsonDisplay, display

    with JsonDisplay() if as_json else display() as shown:
        try:
            for event in job.events():
                shown.event(event)
        except (KeyboardInterrupt, TerminatedError) as interruption:
            if cancel:
                with suppress(InvalidStateError):
                    job.cancel()
                shown.failure("job_cancelled", INTERRUPTION, "")
            else:
                shown.failure("interrupted", _LEFT, "")
            return TERMINATED if isinstance(interruption, TerminatedError) else INTERRUPTED
        held = job.snapshot()
        if held.status is JobStatus.COMPLETED:
            text = job.result_text()
            if output is not None:
                _write(output, text)
            shown.result(text)
            return 0
        failure = held.failure
        if failure is None:
            shown.failure("job_cancelled", "the job was cancelled", "")
            return FAILED
        shown.failure(failure.code, failure.message, failure.traceback)
        early = failure.code in _BAD_INPUT_CODES and not failure.traceback
        return BAD_INPUT if early else FAILED


def _write(output: Path, text: str) -> None:
    """Write the file whole or not at all; a pipe or a device is written to as it is."""
    if is_special(output):
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


def is_special(path: Path) -> bool:
    """Return whether a path is a pipe or a device."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
