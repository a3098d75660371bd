# SPDX-License-Identifier: Apache-2.0
"""A worker's process: reads one task from standard input, writes frames to descriptor ``argv[1]``.

Descriptor ``argv[2]`` is open as long as the launcher lives. What C code prints goes to the
process's own standard output and error, which the launcher reads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading


def main() -> None:
    """Run the one task."""
    channel, lifeline = int(sys.argv[1]), int(sys.argv[2])
    _end_with_launcher(lifeline)
    os.close(lifeline)
    os.set_inheritable(channel, False)

    from qruntime.backends.registry import from_reference, installed
    from qruntime.worker.runner import run_task
    from qruntime.worker.task import Frame, Task

    with contextlib.suppress(ImportError):
        import qiskit_aer  # noqa: F401  loaded while nobody waits yet
    text = sys.stdin.buffer.read()
    if not text:  # the launcher has no task for this process and lets it go
        return
    lock = threading.Lock()
    owner = os.getpid()

    def send(frame: Frame) -> None:
        if os.getpid() == owner:  # a fork of the program does not speak for it
            with lock:
                _write_all(channel, frame.to_json().encode() + b"\n")

    registry = installed()
    registry.resolve = from_reference
    run_task(Task.from_json(text), send, create=registry.create)


def _end_with_launcher(lifeline: int) -> None:
    """Start a process that ends this one, with its children, when the launcher is gone.

    A thread could not: Aer keeps the interpreter to itself while it simulates.
    """
    child = os.fork()
    if child != 0:
        os.waitpid(child, 0)
        return
    if os.fork() != 0:  # a grandchild: the program has no child that it did not start itself
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(0, lifeline)
    os.closerange(lifeline + 1, 4096)
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main()
