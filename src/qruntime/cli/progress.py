# SPDX-License-Identifier: Apache-2.0
"""How a running job is shown: a live line, plain lines, or JSON lines."""

from __future__ import annotations

import json
import pprint
import sys
import time
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.pretty import Pretty
from rich.text import Text

from qruntime import wire
from qruntime.core.jobs import EventKind, JobEvent
from qruntime.errors import UndecodableError

_WIDEST_INTERIM = 60


class Display(Protocol):
    """Shows a job's events, and its end. Used as a context manager around the job."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def event(self, event: JobEvent) -> None:
        """Show an event."""

    def result(self, text: str) -> None:
        """Show the result, which is encoded text."""

    def failure(self, code: str, message: str, traceback: str) -> None:
        """Show why there is no result."""


def display() -> Display:
    """Return the display that fits: a live line where a person looks, else plain lines."""
    console = Console(stderr=True)
    return LiveDisplay(console) if console.is_terminal else PlainDisplay()


class PlainDisplay:
    """The program's output on standard error, its result on standard output."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def event(self, event: JobEvent) -> None:
        """Print log lines and interim results."""
        if event.kind is EventKind.LOG:
            _say(event.data)
        elif event.kind is EventKind.INTERIM_RESULT:
            _say(f"interim result: {_shown(event.data)}")

    def result(self, text: str) -> None:
        """Print the result: text as it is, anything else as Python shows it."""
        value = _shown(text)
        if sys.stdout.isatty():
            Console().print(Pretty(value, expand_all=False))
        else:
            print(value if isinstance(value, str) else pprint.pformat(value, sort_dicts=False))  # noqa: T201  the command's output

    def failure(self, code: str, message: str, traceback: str) -> None:
        """Print the program's traceback if there is one, else the message; the code is for JSON."""
        del code
        _say(traceback.rstrip() or f"Error: {message}")


class LiveDisplay(PlainDisplay):
    """One line that tells state, usage, time and the newest interim result; logs go above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._status = "STARTING"
        self._usage = {"circuits": 0, "shots": 0}
        self._interim = ""
        self._live = Live(
            console=console, get_renderable=self._line, refresh_per_second=8, transient=False
        )

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the line as it is at the end."""
        self._live.stop()

    def event(self, event: JobEvent) -> None:
        """Take the event into the line; print log lines above it."""
        if event.kind is EventKind.STATUS:
            self._status = event.data
        elif event.kind is EventKind.USAGE:
            self._usage = json.loads(event.data)
        elif event.kind is EventKind.INTERIM_RESULT:
            self._interim = _short(_shown(event.data))
        else:
            self._console.print(Text(event.data, style="dim"))

    def result(self, text: str) -> None:
        """Print the result below the line."""
        self._live.stop()
        super().result(text)

    def failure(self, code: str, message: str, traceback: str) -> None:
        """Print the failure below the line."""
        self._live.stop()
        super().failure(code, message, traceback)

    def _line(self) -> Text:
        seconds = time.monotonic() - self._started
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{self._status:<10}", style=_style(self._status))
        line.append(f" {self._usage['circuits']:,} circuits  {self._usage['shots']:,} shots")
        line.append(f"  {seconds:.1f} s", style="cyan")
        if self._interim:
            line.append(f"  {self._interim}", style="dim")
        return line


class JsonDisplay:
    """One JSON document a line on standard output, for programs that read it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def event(self, event: JobEvent) -> None:
        """Print the event; values are in the form in which they travel."""
        fields: dict[str, Any] = {"event": event.kind, "cursor": event.cursor}
        if event.kind is EventKind.LOG:
            fields |= {"level": event.level, "line": event.data}
        elif event.kind is EventKind.STATUS:
            fields |= {"status": event.data}
        else:
            fields |= {"data": json.loads(event.data)}
        _print_json(fields)

    def result(self, text: str) -> None:
        """Print the result."""
        _print_json({"event": "result", "data": json.loads(text)})

    def failure(self, code: str, message: str, traceback: str) -> None:
        """Print why there is none."""
        _print_json({"event": "error", "code": code, "message": message, "traceback": traceback})


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  it is the command's output


def _print_json(fields: dict[str, Any]) -> None:
    print(json.dumps(fields), flush=True)  # noqa: T201  it is the command's output


def _shown(text: str) -> Any:
    try:
        return wire.decode(text)
    except UndecodableError:
        return text


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _WIDEST_INTERIM else f"{text[: _WIDEST_INTERIM - 1]}…"


def _style(status: str) -> str:
    return {"RUNNING": "bold blue", "COMPLETED": "bold green"}.get(status, "bold yellow")
