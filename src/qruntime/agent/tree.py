# SPDX-License-Identifier: Apache-2.0
"""The processes of a job, as Linux lists them, and how to end all of them.

Where there is no ``/proc`` the lists are empty: only process groups can be ended there.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LINUX = sys.platform == "linux"
_PROC = Path("/proc")
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ROUNDS = 50
_TICKS = os.sysconf("SC_CLK_TCK")


def adopt_orphans() -> None:
    """Let descendants whose parent ends become children of this process."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Let the system kill this process when its parent is gone."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def threads() -> int:
    """Return how many threads this process has; 1 where the system does not tell."""
    with contextlib.suppress(FileNotFoundError):
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208  names are enough
    return 1


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    found: list[int] = []
    try:
        for task in (_PROC / str(pid) / "task").iterdir():
            found.extend(map(int, (task / "children").read_text().split()))
    except (FileNotFoundError, ProcessLookupError):
        return found if (_PROC / "self/task" / str(os.getpid()) / "children").exists() else _of(pid)
    return found


def _of(pid: int) -> list[int]:
    """Return the children of a process where the kernel keeps no list: by looking at all."""
    if not _PROC.is_dir():
        return []
    pids = (int(name.name) for name in _PROC.iterdir() if name.name.isdecimal())
    return [one for one in pids if (fields := _stat(one)) and int(fields[1]) == pid]


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` from the state on; none if the process is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return []


def descendants(pid: int) -> list[int]:
    """Return all that a process has started and that are its children or theirs."""
    found: list[int] = []
    level = children(pid)
    while level:
        found.extend(level)
        level = [one for parent in level for one in children(parent)]
    return found


def kill_descendants(pid: int) -> None:
    """Kill all that a process has started: all are stopped first, so that none can start more."""
    stopped: set[int] = set()
    for _ in range(_ROUNDS):
        new = set(descendants(pid)) - stopped
        if not new:
            break
        send(new, signal.SIGSTOP)
        stopped |= new
    send(stopped, signal.SIGKILL)


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal to processes; those that are gone are passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


@dataclass(frozen=True, slots=True)
class Use:
    """What processes use now: memory at most, processor time, how many they are."""

    memory_bytes: int
    cpu_seconds: float
    processes: int


def use(pids: list[int]) -> Use:
    """Return what processes use; memory that several share is counted for each."""
    memory, ticks, alive = 0, 0, 0
    for pid in pids:
        fields = _stat(pid)
        if not fields or fields[0] == "Z":
            continue
        alive += 1
        ticks += int(fields[11]) + int(fields[12])
        memory += _sum(pid, "status", ("RssAnon:", "RssShmem:"))
    return Use(memory, ticks / _TICKS, alive)


def shared_fairly(pids: list[int]) -> int:
    """Return the memory of processes, each with its part of what is shared; slower than ``use``."""
    return sum(_sum(pid, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for pid in pids)


def data_bytes() -> int:
    """Return the size of this process's data as the system's limit counts it."""
    return _sum(os.getpid(), "status", ("VmData:", "VmStk:"))


def _sum(pid: int, name: str, labels: tuple[str, ...]) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        lines = (_PROC / str(pid) / name).read_text().splitlines()
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(labels))
    return 0
