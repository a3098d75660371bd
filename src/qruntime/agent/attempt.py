# SPDX-License-Identifier: Apache-2.0
"""One worker as the agent sees it: its connections, what it has told, and how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from qruntime.agent import tree
from qruntime.agent.events import Ended, EndReason, EventLog, Usage
from qruntime.agent.frames import Lines, failure_frame, failure_of, read_frame
from qruntime.agent.limits import Limits, exceeded, in_mib, named
from qruntime.agent.order import Order
from qruntime.agent.reactor import READ, WRITE, Reactor
from qruntime.agent.zygotes import Kind, Zygotes
from qruntime.core.jobs import JobFailure
from qruntime.errors import UndecodableError
from qruntime.worker.task import LAST, Frame, FrameKind

HELD_BYTES = 1024 * 1024
"""An attempt of which more than this has not been fetched is not listened to for now."""

DIED = "worker_died"
_PART = 1 << 16
_PARTS_OF_A_PIPE = 16
_RETRY_SECONDS = 0.05
_TRIES = 3
_MORE_SECONDS = 2.0
_HINTS = {
    int(signal.SIGKILL): ", as the system does when memory runs out",
    int(signal.SIGSEGV): ": a library crashed, or the recursion was too deep",
}


class RunningAttempt:
    """One attempt, from its order to its end. Used from the reactor's thread."""

    def __init__(
        self,
        attempt_id: str,
        task: str,
        limits: Limits,
        *,
        python: str = sys.executable,
        log: EventLog,
        reactor: Reactor,
        on_end: Callable[[str], None],
    ) -> None:
        self.attempt_id = attempt_id
        self._task = task.encode() + b"\n"
        self._limits = limits
        self._kind = Kind(limits.threads, python)
        self._log = log
        self._reactor = reactor
        self._on_end = on_end
        self._launched = time.monotonic()
        self._tries = 0
        self._supervisor = 0
        self._worker = 0
        self._scratch = ""
        self._open_ends: list[socket.socket] = []
        self._streams: dict[int, str] = {}
        self._lines: dict[str, Lines] = {}
        self._outgoing: list[bytes] = []
        self._killed = False
        self._paused = False
        self._ended = False
        self._failure: JobFailure | None = None
        self._last: Frame | None = None
        self._report: dict[str, Any] = {}
        self._output_bytes = 0
        self._interim_results = 0
        self._interim_bytes = 0

    def start(self, zygotes: Zygotes, references: str | None) -> None:
        """Give the order; give it again if who took it is gone before the worker has started."""
        if self._ended:
            return
        self._tries += 1
        self._zygotes, self._references = zygotes, references
        ours = self._open()
        order = Order(self._limits, self._scratch, references)
        try:
            zygotes.get(self._kind).start(order, ours)
        except BlockingIOError:
            self._tries -= 1
            self._let_go()
            self._reactor.later(_RETRY_SECONDS, partial(self.start, zygotes, references))
            return
        except OSError:  # the end of the connection tells the same, and is acted upon
            return
        finally:
            for descriptor in ours:
                os.close(descriptor)
        zygotes.count(self._kind)

    def _open(self) -> list[int]:
        """Make the connections; return the worker's ends."""
        self._scratch = tempfile.mkdtemp(prefix="qruntime-")
        self._home, home = socket.socketpair()
        self._channel, channel = socket.socketpair()
        self._open_ends = [self._home, self._channel]
        for connection in self._open_ends:
            connection.setblocking(False)
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        self._streams = {self._channel.fileno(): "channel", out: "STDOUT", err: "STDERR"}
        self._lines = {name: Lines() for name in self._streams.values()}
        for descriptor in (out, err):
            os.set_blocking(descriptor, False)
        self._reactor.watch(self._home.fileno(), READ, self._hear_home)
        self._outgoing.insert(0, self._task)
        self._listen()
        return [home.detach(), channel.detach(), out_end, err_end]

    def descriptors(self) -> list[int]:
        """Return what a fork of this process must close, for the end of this one to be seen."""
        pipes = [number for number, name in self._streams.items() if name != "channel"]
        return [*(connection.fileno() for connection in self._open_ends), *pipes]

    def _listen(self) -> None:
        """Watch the connections for what is wanted of them now."""
        self._paused = self._log.held_bytes(self.attempt_id) > HELD_BYTES
        for descriptor, name in self._streams.items():
            events = 0 if self._paused else READ
            if name == "channel" and self._outgoing:
                events |= WRITE
            self._reactor.watch(descriptor, events, partial(self._ready, descriptor))

    def room(self) -> None:
        """Listen again if enough of what was told has been fetched."""
        if self._paused and not self._ended:
            self._listen()

    def send(self, line: bytes) -> None:
        """Send the worker a line; one that reads nothing is ended before much is kept for it."""
        if not self._open_ends:
            return
        if sum(map(len, self._outgoing)) > 2 * self._limits.frame_bytes:
            self._fail(JobFailure(DIED, "the program does not read what its worker is sent"))
            return
        self._outgoing.append(line)
        self._listen()

    def kill(self, grace_seconds: float) -> None:
        """End the worker and all that it started; ask first, if there is a grace."""
        if self._ended:
            return
        self._killed = self._killed or self._last is None
        if not self._supervisor:
            self._end(EndReason.KILLED, None)
            return
        self._ask_to_kill(grace_seconds)

    def _ask_to_kill(self, grace_seconds: float) -> None:
        with contextlib.suppress(OSError):
            self._home.send(b"kill %f\n" % grace_seconds)
        self._reactor.later(grace_seconds + _MORE_SECONDS, self._kill_without_asking)

    def _kill_without_asking(self) -> None:
        """Kill what does not answer, as a supervisor that its own program has stopped."""
        if not self._ended:
            tree.kill_descendants(self._supervisor)
            tree.send([self._supervisor], signal.SIGKILL)

    def _hear_home(self, _events: int) -> None:
        """Take the supervisor's reports; its silence is the end."""
        try:
            part = self._home.recv(_PART)
        except OSError:
            part = b""
        for line in part.splitlines():
            self._report |= json.loads(line)
        self._supervisor = self._report.get("supervisor", 0)
        self._worker = self._report.get("started", 0)
        if "status" in self._report:
            self._drain()
            self._finish(self._report["status"], self._report["exceeded"])
        elif not part and not self._supervisor and self._tries < _TRIES:
            self._let_go()
            again = partial(self.start, self._zygotes, self._references)
            self._reactor.later(_RETRY_SECONDS, again)
        elif not part:
            self._drain()
            self._lost()

    def _lost(self) -> None:
        if self._last is not None:
            tree.send([self._worker], signal.SIGKILL)
            self._end(EndReason.FINISHED, None)
            return
        if self._supervisor:
            tree.send([self._worker], signal.SIGKILL)
            cause = "the process that watched over the worker was ended from outside"
        else:
            cause = f"the worker could not be started in {_TRIES} tries"
        self._end(EndReason.LOST, JobFailure(DIED, cause))

    def _ready(self, descriptor: int, events: int) -> None:
        if events & WRITE:
            self._write()
        if events & READ:
            self._read(descriptor)
        if not self._ended:
            self._listen()

    def _write(self) -> None:
        line = self._outgoing.pop(0)
        try:
            sent = self._channel.send(line)
        except BlockingIOError:
            sent = 0
        except OSError:  # the worker is gone: its end is told elsewhere
            self._outgoing.clear()
            return
        if sent < len(line):
            self._outgoing.insert(0, line[sent:])

    def _read(self, descriptor: int) -> bool:
        """Take what has come on one connection; return whether there was something."""
        try:
            part = os.read(descriptor, _PART)
        except BlockingIOError:
            return False
        except OSError:
            part = b""
        name = self._streams[descriptor]
        if not part:
            self._reactor.watch(descriptor, 0, self._hear_home)
            del self._streams[descriptor]
            if name != "channel":
                os.close(descriptor)
            return False
        for line in self._lines[name].add(part):
            self._take(name, line)
        self._check_length(name)
        return True

    def _check_length(self, name: str) -> None:
        """Keep a line that does not end from filling the memory."""
        lines = self._lines[name]
        if name == "channel":
            if lines.pending > self._limits.frame_bytes:
                lines.rest()
                self._fail(exceeded("frame_bytes", self._limits))
        elif self._limits.output_bytes is not None and lines.pending > self._limits.output_bytes:
            for line in lines.rest():
                self._take(name, line)

    def _drain(self) -> None:
        """Take all that is there; after the end of a worker nobody writes any more."""
        for descriptor in [number for number, name in self._streams.items() if name == "channel"]:
            while self._read(descriptor):
                pass
        self._drain_printed()

    def _drain_printed(self) -> None:
        for descriptor in [number for number, name in self._streams.items() if name != "channel"]:
            parts = 0  # who still prints must not hold up the others
            while parts < _PARTS_OF_A_PIPE and self._read(descriptor):
                parts += 1
        for name in ("STDOUT", "STDERR"):
            for line in self._lines[name].rest():
                self._take(name, line)

    def _take(self, name: str, line: bytes) -> None:
        if name != "channel":
            if self._last is None:
                self._print(Frame(FrameKind.LOG, line.decode(errors="replace"), name))
            return
        if self._failure is not None or self._last is not None:
            return
        try:
            frame = read_frame(line)
        except UndecodableError:
            cause = "the program wrote into the channel of its worker: nothing can be read"
            self._fail(JobFailure(DIED, cause))
            return
        if frame.kind in LAST:
            if not self._killed:
                self._take_last(frame)
        elif frame.kind is FrameKind.LOG:
            self._print(frame)
        elif frame.kind is not FrameKind.INTERIM_RESULT or self._counted(frame):
            self._log.add(self.attempt_id, frame)

    def _take_last(self, frame: Frame) -> None:
        """Tell the last frame at once, behind what was printed before: the end takes a while."""
        if frame.kind is FrameKind.FAILURE:
            frame = failure_frame(named(failure_of(frame), self._limits))
        self._drain_printed()
        self._last = frame
        self._log.add(self.attempt_id, frame)

    def _print(self, frame: Frame) -> None:
        """Pass a line on as long as there are not too many."""
        limit, before = self._limits.output_bytes, self._output_bytes
        if limit is not None and before > limit:
            return
        self._output_bytes += len(frame.data) + 1
        if limit is None or self._output_bytes <= limit:
            self._log.add(self.attempt_id, frame)
            return
        cut = Frame(FrameKind.LOG, frame.data[: limit - before], frame.level)
        notice = f"the output is longer than its limit of {in_mib(limit)}: the rest is left out"
        self._log.add(self.attempt_id, cut)
        self._log.add(self.attempt_id, Frame(FrameKind.LOG, notice, "WARNING"))

    def _counted(self, frame: Frame) -> bool:
        """Return whether one more interim result is within the limits; end the job if not."""
        self._interim_results += 1
        self._interim_bytes += len(frame.data)
        for name, value in (
            ("interim_results", self._interim_results),
            ("interim_bytes", self._interim_bytes),
        ):
            limit = getattr(self._limits, name)
            if limit is not None and value > limit:
                self._fail(exceeded(name, self._limits))
                return False
        return True

    def _fail(self, failure: JobFailure) -> None:
        if self._failure is None and self._last is None:
            self._failure = failure
            self._ask_to_kill(0.0)

    def _finish(self, status: int | None, limit: str | None) -> None:
        if self._last is not None:
            self._end(EndReason.FINISHED, None)
        elif self._killed:
            self._end(EndReason.KILLED, None)
        else:
            failure = self._failure or _cause(status, limit, self._limits)
            self._end(EndReason.DIED, failure)

    def _end(self, reason: EndReason, cause: JobFailure | None) -> None:
        self._let_go()
        self._ended = True
        seconds = time.monotonic() - self._launched
        used = self._report
        usage = Usage(seconds, used.get("cpu_seconds", 0.0), used.get("peak_bytes", 0))
        self._log.add(self.attempt_id, Ended(reason, cause, usage))
        self._on_end(self.attempt_id)

    def _let_go(self) -> None:
        """Close the connections and remove the scratch folder, if the supervisor did not."""
        for connection in self._open_ends:
            self._reactor.watch(connection.fileno(), 0, self._hear_home)
            connection.close()
        for descriptor, name in self._streams.items():
            self._reactor.watch(descriptor, 0, self._hear_home)
            if name != "channel":
                os.close(descriptor)
        self._open_ends, self._streams, self._outgoing = [], {}, []
        shutil.rmtree(self._scratch, ignore_errors=True)


def _cause(status: int | None, limit: str | None, limits: Limits) -> JobFailure:
    """Return why a worker ended without a last frame."""
    if limit is None and status == -signal.SIGXCPU and limits.cpu_seconds is not None:
        limit = "cpu_seconds"
    if limit is not None:
        return exceeded(limit, limits)
    if status is None:
        return JobFailure(DIED, "the worker was ended from outside")
    if status >= 0:
        message = f"the worker's process ended with exit status {status} before the program did"
        return JobFailure(DIED, message)
    known = {item.value: item.name for item in signal.Signals}
    name = known.get(-status, f"signal {-status}")
    hint = _HINTS.get(-status, "")
    if limits.memory_bytes is not None and -status in (signal.SIGABRT, signal.SIGSEGV):
        hint += f"; its limit of memory is {in_mib(limits.memory_bytes)}"
    return JobFailure(DIED, f"the worker's process was ended by {name}{hint}")
