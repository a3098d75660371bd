# SPDX-License-Identifier: Apache-2.0
"""A worker's process: reads one task from its standard input, writes frames to descriptor ``argv[1]``.

What C code prints goes to the process's own standard output and error, which the launcher reads.
"""

from __future__ import annotations

import os
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
        task = Task.from_json(sys.stdin.buffer.read())

        def send(frame: Frame) -> None:
            data = frame.to_json().encode() + b"\n"
            with lock:
                _write_all(channel.fileno(), data)

        registry = installed()
        registry.resolve = from_reference
        run_task(task, send, registry=registry)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main()
