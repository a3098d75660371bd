# SPDX-License-Identifier: Apache-2.0
"""What a job may use, how the system is told, and what is said when a limit was hit."""

from __future__ import annotations

import math
import resource
from dataclasses import dataclass, replace

from qruntime.agent import tree
from qruntime.core.jobs import JobFailure

LIMIT_EXCEEDED = "limit_exceeded"
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use; None is no limit.

    ``memory_bytes`` counts what the job itself allocates, in all of its processes, not the
    libraries that were loaded before it. ``processes`` counts its first process too.
    ``file_bytes`` is the size of one file. Printed lines and log lines beyond ``output_bytes`` are
    dropped, with a notice; more interim results than their limits end the job. ``frame_bytes`` is
    the longest single message: a result, an interim result.
    """

    memory_bytes: int | None = None
    cpu_seconds: float | None = None
    processes: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None
    output_bytes: int | None = 16 * MIB
    interim_results: int | None = 100_000
    interim_bytes: int | None = 256 * MIB
    frame_bytes: int = 64 * MIB
    threads: int = 1

    @property
    def watched(self) -> bool:
        """Whether somebody must look at the processes from time to time."""
        return any(
            limit is not None for limit in (self.memory_bytes, self.cpu_seconds, self.processes)
        )

    def apply(self) -> None:
        """Set the limits of this process, which its children inherit."""
        _set(resource.RLIMIT_CORE, 0)
        _set(resource.RLIMIT_NOFILE, self.open_files)
        _set(resource.RLIMIT_FSIZE, self.file_bytes)
        if self.cpu_seconds is not None:
            whole = math.ceil(self.cpu_seconds)
            _set(resource.RLIMIT_CPU, whole, whole + 1)
        if self.memory_bytes is not None:
            _set(resource.RLIMIT_DATA, tree.data_bytes() + self.memory_bytes)


def _set(which: int, soft: int | None, hard: int | None = None) -> None:
    if soft is None:
        return
    allowed = resource.getrlimit(which)[1]
    wanted = soft if hard is None else hard
    if allowed != resource.RLIM_INFINITY:
        soft, wanted = min(soft, allowed), min(wanted, allowed)
    resource.setrlimit(which, (soft, wanted))


def exceeded(name: str, limits: Limits) -> JobFailure:
    """Return the failure of a job that was ended for a limit: the name of a field of ``Limits``."""
    value = getattr(limits, name)
    said = {
        "memory_bytes": f"the job used more memory than its limit of {in_mib(value)}",
        "cpu_seconds": f"the job used more processor time than its limit of {value} s",
        "processes": f"the job started more processes than its limit of {value}",
        "interim_results": f"the job published more interim results than its limit of {value}",
        "interim_bytes": f"the job's interim results are larger together than {in_mib(value)}",
        "frame_bytes": f"the job sent a message larger than its limit of {in_mib(value)}",
    }
    return JobFailure(LIMIT_EXCEEDED, said[name])


_ERRORS = {
    "MemoryError": "memory_bytes",
    "numpy._core._exceptions._ArrayMemoryError": "memory_bytes",
    "_ArrayMemoryError": "memory_bytes",
    "OSError: [Errno 24]": "open_files",
    "OSError: [Errno 27]": "file_bytes",
}
_SAID = {
    "memory_bytes": lambda value: f"its limit of memory is {in_mib(value)}",
    "open_files": lambda value: f"its limit of open files is {value}",
    "file_bytes": lambda value: f"its limit of one file is {in_mib(value)}",
}


def named(failure: JobFailure, limits: Limits) -> JobFailure:
    """Return the failure of a program, with the limit that may have caused it."""
    for beginning, name in _ERRORS.items():
        value = getattr(limits, name)
        if value is not None and failure.message.startswith(beginning):
            message = f"{failure.message} (the job may have hit a limit: {_SAID[name](value)})"
            return replace(failure, message=message)
    return failure


def in_mib(size: int) -> str:
    """Return a size as people read it."""
    return f"{size / MIB:g} MiB" if size % MIB == 0 or size > 100 * MIB else f"{size} bytes"
