# SPDX-License-Identifier: Apache-2.0
"""Reads what a worker sends: foreign code may have written it, so nothing of it is believed."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

from qruntime.core.jobs import JobFailure, JobUsage
from qruntime.errors import UndecodableError
from qruntime.worker.task import Frame, FrameKind

_LONGEST_LEVEL = 40


def read_frame(line: bytes) -> Frame:
    """Return the frame of one line.

    Raises:
        UndecodableError: it is not a frame.
    """
    try:
        frame = Frame.from_json(line)
        if not isinstance(frame.data, str) or not isinstance(frame.level, str):
            raise TypeError("not text")
        if frame.kind is FrameKind.ANSWER:
            raise TypeError("a worker answers nothing")
        if frame.kind is FrameKind.FAILURE:
            failure_of(frame)
        elif frame.kind is FrameKind.USAGE:
            _check_usage(frame.data)
    except (ValueError, TypeError, RecursionError) as error:
        raise UndecodableError(f"this is not a worker's message: {error}") from error
    return Frame(frame.kind, _storable(frame.data), _storable(frame.level[:_LONGEST_LEVEL]))


def failure_of(frame: Frame) -> JobFailure:
    """Return the failure that a frame tells of."""
    failure = JobFailure(**json.loads(frame.data))
    if not all(isinstance(text, str) for text in asdict(failure).values()):
        raise TypeError("a failure is told in text")
    return failure


def failure_frame(failure: JobFailure) -> Frame:
    """Return the frame that tells of a failure."""
    return Frame(FrameKind.FAILURE, json.dumps(asdict(failure)))


def _check_usage(text: str) -> None:
    held = json.loads(text)
    names = {field.name for field in fields(JobUsage)}
    if set(held) != names or any(type(number) is not int or number < 0 for number in held.values()):
        raise TypeError("usage is told in numbers")


def _storable(text: str) -> str:
    """Replace halves of surrogate pairs, which no database takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class Lines:
    """Puts lines together from parts, in time proportional to their length."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.pending = 0

    def add(self, part: bytes) -> list[bytes]:
        """Return the lines that the part completes."""
        first, *others = part.split(b"\n")
        self._parts.append(first)
        self.pending += len(first)
        if not others:
            return []
        lines = [b"".join(self._parts), *others[:-1]]
        self._parts = [others[-1]]
        self.pending = len(others[-1])
        return lines

    def rest(self) -> list[bytes]:
        """Return the last line if it has begun, and forget it."""
        rest = b"".join(self._parts)
        self._parts, self.pending = [], 0
        return [rest] if rest else []
