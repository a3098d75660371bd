# SPDX-License-Identifier: Apache-2.0
"""A worker's process: reads one task from standard input, writes frames to descriptor ``argv[1]``.

What C code prints goes to the process's own standard output and error, which the launcher reads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

from qruntime.backends.registry import from_reference, installed
from qruntime.worker.runner import run_task
from qruntime.worker.task import Frame, Task


def main() -> None:
    """Run the one task."""
    descriptor = int(sys.argv[1])
    lock = threading.Lock()
    with os.fdopen(descriptor, "wb", buffering=0) as channel:
        with contextlib.suppress(ImportError):
            import qiskit_aer  # noqa: F401  loaded while nobody waits yet
        text = sys.stdin.buffer.readline()
        if not text:  # the launcher has no task for this process and lets it go
            return
        task = Task.from_json(text)
        threading.Thread(target=_end_with_launcher, daemon=True).start()

        def send(frame: Frame) -> None:
            data = frame.to_json().encode() + b"\n"
            with lock:
                _write_all(channel.fileno(), data)

        registry = installed()
        registry.resolve = from_reference
        run_task(task, send, create=registry.create)


def _end_with_launcher() -> None:
    """End this process and its children once the launcher is gone: it holds standard input open."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main()
