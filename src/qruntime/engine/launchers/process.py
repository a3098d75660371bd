# SPDX-License-Identifier: Apache-2.0
"""Workers that are processes: what happens in one cannot hurt another, and each can be killed."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from typing import IO

from qruntime.core.jobs import JobFailure
from qruntime.engine.launchers import Attempt, Launcher
from qruntime.worker.task import Frame, FrameKind, Send, Task

_LAST = (FrameKind.RESULT, FrameKind.FAILURE)
_HINTS = {
    int(signal.SIGKILL): ", as the system does when memory runs out",
    int(signal.SIGSEGV): ": a library crashed, or the recursion was too deep",
}


class ProcessLauncher(Launcher):
    """Runs each task in a new process, in a session of its own so that all of it can be killed.

    The first process is started at once, so that it has loaded Qiskit when the first task comes;
    each later task waits for a process of its own. ``grace_seconds`` is how long
    a stopped process may take to end after SIGTERM, before SIGKILL.
    """

    in_process = False

    def __init__(self, *, grace_seconds: float = 5.0) -> None:
        self._grace_seconds = grace_seconds
        self._lock = threading.Lock()
        self._ready: _Process | None = _Process()
        atexit.register(self.close)

    def launch(self, task: Task, send: Send) -> Attempt:
        """Give the task to the process that is ready, or to a new one."""
        text = task.to_json()
        with self._lock:
            process, self._ready = self._ready, None
        if process is not None and not process.alive():
            process.end(0.0)
            process = None
        process = process or _Process()
        return _ProcessAttempt(process, text, send, self._grace_seconds)

    def close(self) -> None:
        """End the process that waits for the first task, if it still does."""
        atexit.unregister(self.close)
        with self._lock:
            process, self._ready = self._ready, None
        if process is not None:
            process.end(0.0)


class _Process:
    """A worker's process, its three pipes and its scratch folder."""

    def __init__(self) -> None:
        self.scratch = tempfile.TemporaryDirectory(prefix="qruntime-")
        self.channel, channel_end = os.pipe()
        lifeline_end, self._lifeline = os.pipe()
        self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
            [sys.executable, "-m", "qruntime.worker", str(channel_end), str(lifeline_end)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(channel_end, lifeline_end),
            start_new_session=True,
            env={**os.environ, "TMPDIR": self.scratch.name},
        )
        os.close(channel_end)
        os.close(lifeline_end)

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def outputs(self) -> dict[IO[bytes], str]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        return {self._process.stdout: "STDOUT", self._process.stderr: "STDERR"}

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        return self._process.wait()

    def kill(self, grace_seconds: float) -> None:
        """End the process and all that it started: SIGTERM first, if there is a grace."""
        if grace_seconds and self.alive():
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def end(self, grace_seconds: float) -> None:
        """Kill, and let go of everything."""
        self.kill(grace_seconds)
        self.release()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def cut_lifeline(self) -> None:
        """Let the process see what it would see if this one were gone."""
        os.close(self._lifeline)
        self._lifeline = -1

    def release(self) -> None:
        os.close(self.channel)
        if self._lifeline >= 0:
            os.close(self._lifeline)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self.scratch.cleanup()


class _ProcessAttempt(Attempt):
    def __init__(self, process: _Process, task: str, send: Send, grace_seconds: float) -> None:
        self._process = process
        self._task = task
        self._send = send
        self._grace_seconds = grace_seconds
        self.stop_seconds = grace_seconds + 2.0
        self._stopping = threading.Event()
        self._last: Frame | None = None
        self._thread = threading.Thread(target=self._follow, name="qruntime-job", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            threading.Thread(
                target=self._process.kill, args=(self._grace_seconds,), daemon=True
            ).start()

    def _follow(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(self._task.encode())
            self._process.stdin.close()
        try:
            self._relay()
        except ValueError:
            self._process.kill(0.0)
            self._fail("the program wrote into the channel of its worker: nothing can be read")
        code = self._process.wait()
        self._process.kill(0.0)
        self._fail(_cause(code))
        self._process.release()

    def _fail(self, cause: str) -> None:
        if self._last is None and not self._stopping.is_set():
            failure = JobFailure("worker_died", cause)
            self._last = Frame(FrameKind.FAILURE, json.dumps(asdict(failure)))
            self._send(self._last)

    def _relay(self) -> None:
        """Pass on frames and raw output until the channel closes."""
        lines = {name: _Lines() for name in ("channel", "STDOUT", "STDERR")}
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.channel, selectors.EVENT_READ, "channel")
            for pipe, level in self._process.outputs.items():
                selector.register(pipe, selectors.EVENT_READ, level)
            while selector.get_map():
                ready = selector.select(0 if self._last else None)
                if not ready:  # after the end only what is there already is of interest
                    break
                for key, _ in ready:
                    part = os.read(key.fd, 1 << 16)
                    if not part:
                        selector.unregister(key.fileobj)
                    for line in lines[key.data].add(part):
                        self._pass_on(key.data, line)
        for name in ("STDOUT", "STDERR"):
            for line in lines[name].rest():
                self._pass_on(name, line)
        if self._last is not None:
            self._send(self._last)

    def _pass_on(self, name: str, line: bytes) -> None:
        if name == "channel":
            frame = Frame.from_json(line)
            if frame.kind in _LAST:
                self._last = self._last or frame
            else:
                self._send(frame)
        else:
            self._send(Frame(FrameKind.LOG, line.decode(errors="replace"), name))


class _Lines:
    """Puts lines together from parts, in time proportional to their length."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> list[bytes]:
        """Return the lines that the part completes."""
        first, *others = part.split(b"\n")
        self._parts.append(first)
        if not others:
            return []
        lines = [b"".join(self._parts), *others[:-1]]
        self._parts = [others[-1]]
        return lines

    def rest(self) -> list[bytes]:
        """Return the last line if it has begun."""
        rest = b"".join(self._parts)
        return [rest] if rest else []


def _cause(code: int) -> str:
    if code >= 0:
        return f"the worker's process ended with exit status {code} before the program did"
    number = -code
    known = {item.value: item.name for item in signal.Signals}
    name = known.get(number, f"signal {number}")
    return f"the worker's process was ended by {name}{_HINTS.get(number, '')}"
