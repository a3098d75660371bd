# SPDX-License-Identifier: Apache-2.0
"""Tracebacks of programs, as their authors want to read them: their own lines, no machine paths."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from pathlib import Path

_LONGEST_TEXT = 100_000
_LOADING = re.compile(r"[/\\]qruntime[/\\]program[/\\](legacy[/\\]\w+|imports|loader)\.py$")
_OWN = f"{Path(__file__).parents[2]}/"
_INSTALLED = re.compile(r"^.*[/\\](?:site-packages|dist-packages|lib[/\\]python[\d.]+)[/\\]")


def program_traceback(exception: BaseException, folder: Path) -> str:
    """Return the traceback of an exception, trimmed to the frames of the program in ``folder``.

    Paths are relative to the program. If the exception comes out of a library, the last of its
    frames follows as one line. Causes, contexts and notes are kept. Never raises, whatever the
    exception does when it is printed.
    """
    try:
        report = traceback.TracebackException.from_exception(exception, compact=True)
        _trim(report, _prefixes(folder))
        text = "".join(report.format())
    except BaseException:  # noqa: BLE001  an exception of a program may break whatever reads it
        text = _plain(exception, folder)
    if len(text) > _LONGEST_TEXT:
        half = _LONGEST_TEXT // 2
        left_out = f"[... {len(text) - _LONGEST_TEXT} characters left out ...]"
        text = f"{text[:half]}\n{left_out}\n{text[-half:]}"
    return text


def touches(exception: BaseException, folder: Path) -> bool:
    """Return whether an exception came up through code of the program in ``folder``."""
    frames = traceback.walk_tb(exception.__traceback__)
    return any(frame.f_code.co_filename.startswith(_prefixes(folder)) for frame, _ in frames)


def _prefixes(folder: Path) -> tuple[str, ...]:
    return tuple({f"{folder}/", f"{folder.absolute()}/", f"{folder.resolve()}/"})


def _trim(report: traceback.TracebackException, prefixes: tuple[str, ...]) -> None:
    waiting: list[traceback.TracebackException | None] = [report]
    while waiting:
        item = waiting.pop()
        if item is None:
            continue
        item.stack = traceback.StackSummary.from_list(_kept(item.stack, prefixes))
        if isinstance(getattr(item, "filename", None), str):
            item.filename = _shown(str(item.filename), prefixes)
        waiting.extend((item.__cause__, item.__context__, *(item.exceptions or ())))


def _kept(
    frames: Iterable[traceback.FrameSummary], prefixes: tuple[str, ...]
) -> list[traceback.FrameSummary]:
    kept: list[traceback.FrameSummary] = []
    last: traceback.FrameSummary | None = None
    for frame in frames:
        if frame.filename.startswith(prefixes):
            _ = frame.line  # read now: the shown path is no path to read from
            frame.filename = _shown(frame.filename, prefixes)
            kept.append(frame)
            last = None
        elif not (frame.filename.startswith("<frozen ") or _LOADING.search(frame.filename)):
            last = frame
    if last is not None:
        place = _shown(last.filename, prefixes)
        kept.append(traceback.FrameSummary(place, last.lineno, last.name, line=""))
    return kept


def _shown(filename: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        if filename.startswith(prefix):
            return filename[len(prefix) :]
    return _INSTALLED.sub("", filename.removeprefix(_OWN))


def _plain(exception: BaseException, folder: Path) -> str:
    chain = vars(BaseException)["__traceback__"].__get__(exception)  # no code of the program runs
    frames = traceback.StackSummary.extract(traceback.walk_tb(chain))
    kept = traceback.StackSummary.from_list(_kept(frames, _prefixes(folder)))
    name = vars(type)["__qualname__"].__get__(type(exception))
    lines = ["Traceback (most recent call last):\n", *kept.format()]
    return "".join([*lines, f"{name}: <its text cannot be shown>\n"])
