# SPDX-License-Identifier: Apache-2.0
"""What a program prints and logs, taken down in order, each line with its level."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, TextIO

TakeDown = Callable[[str, str], None]
"""Takes a line and its level: a name of ``logging``, ``STDOUT`` or ``STDERR``."""

_current: ContextVar[_Capture | None] = ContextVar("capture", default=None)
_CHATTY = ("qiskit", "stevedore")


class _Capture:
    """One job's output: whole lines are taken down; the rest waits for its end."""

    def __init__(self, take_down: TakeDown, level: int) -> None:
        self.level = level
        self._take_down = take_down
        self._partial = {"STDOUT": "", "STDERR": ""}
        self._lock = threading.RLock()

    def write(self, stream: str, text: str) -> None:
        with self._lock:
            *lines, self._partial[stream] = (self._partial[stream] + text).split("\n")
            for line in lines:
                self._take_down(line, stream)

    def log(self, line: str, level: str) -> None:
        with self._lock:
            self._take_down(line, level)

    def close(self) -> None:
        with self._lock:
            for stream, rest in self._partial.items():
                if rest:
                    self._take_down(rest, stream)
                self._partial[stream] = ""


class _Stream:
    """Stands for ``sys.stdout`` or ``sys.stderr``: a job's text goes to its capture.

    Everything else, such as ``fileno()``, is the real stream's own.
    """

    def __init__(self, name: str, real: TextIO) -> None:
        self._name = name
        self.real = real

    def write(self, text: str) -> int:
        capture = _current.get()
        if capture is None:
            return self.real.write(text)
        capture.write(self._name, str(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if _current.get() is None:
            self.real.flush()

    def isatty(self) -> bool:
        return _current.get() is None and self.real.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class _LogHandler(logging.Handler):
    """Takes down log records; what Qiskit tells of its own work only when a job asks for DEBUG."""

    def emit(self, record: logging.LogRecord) -> None:
        capture = _current.get()
        if capture is None:
            return
        of_qiskit = record.name.partition(".")[0] in _CHATTY
        if of_qiskit and record.levelno < logging.WARNING and capture.level > logging.DEBUG:
            return
        if record.levelno >= capture.level:
            capture.log(self.format(record), record.levelname)


_handler = _LogHandler()
_handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))


class _Streams:
    """The process's streams and log handler while at least one job is captured."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs = 0

    def enter(self) -> None:
        with self._lock:
            self._jobs += 1
            if not isinstance(sys.stdout, _Stream):
                sys.stdout = _Stream("STDOUT", sys.stdout)
            if not isinstance(sys.stderr, _Stream):
                sys.stderr = _Stream("STDERR", sys.stderr)
            if _handler not in logging.getLogger().handlers:
                logging.getLogger().addHandler(_handler)

    def leave(self) -> None:
        with self._lock:
            self._jobs -= 1
            if self._jobs:
                return
            if isinstance(sys.stdout, _Stream):
                sys.stdout = sys.stdout.real
            if isinstance(sys.stderr, _Stream):
                sys.stderr = sys.stderr.real
            logging.getLogger().removeHandler(_handler)


_streams = _Streams()


class _RootLevel:
    """The root logger's level while jobs run: the most talkative that any of them asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: list[int] = []
        self._own = logging.WARNING

    def lower_to(self, level: int) -> None:
        with self._lock:
            root = logging.getLogger()
            if not self._asked:
                self._own = root.level
            self._asked.append(level)
            root.setLevel(min(self._own, *self._asked))

    def restore(self, level: int) -> None:
        with self._lock:
            self._asked.remove(level)
            logging.getLogger().setLevel(min([self._own, *self._asked]))


_root_level = _RootLevel()


@contextlib.contextmanager
def captured(take_down: TakeDown, log_level: str) -> Iterator[None]:
    """Take down what this thread prints and logs; other threads' output goes where it went before.

    ``log_level`` is a level's name; records of the program below it are not taken down.
    """
    level = logging.getLevelNamesMapping()[log_level]
    capture = _Capture(take_down, level)
    _streams.enter()
    _root_level.lower_to(level)
    token = _current.set(capture)
    try:
        yield
    finally:
        _current.reset(token)
        _root_level.restore(level)
        _streams.leave()
        capture.close()
