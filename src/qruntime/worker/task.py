# SPDX-License-Identifier: Apache-2.0
"""What a worker is told to do, and what it tells in return."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from qruntime.core.programs import ProgramSource, ProgramSpec
from qruntime.errors import InvalidStateError


class FrameKind(StrEnum):
    """What a frame carries."""

    INTERIM_RESULT = "interim_result"
    LOG = "log"
    USAGE = "usage"
    RESULT = "result"
    FAILURE = "failure"
    RUN = "run"
    """Circuits for the broker to run; ``level`` is the number of the run in the worker."""
    CALL_OFF = "call_off"
    """The run of this number is not waited for any more."""
    ANSWER = "answer"
    """What became of a run: the one kind that comes to a worker, and never from it."""


LAST = (FrameKind.RESULT, FrameKind.FAILURE)
"""Nothing comes after a frame of these."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a worker, or to it. A job ends with exactly one RESULT or FAILURE."""

    kind: FrameKind
    data: str
    level: str = ""

    def to_json(self) -> str:
        """Return the frame as one JSON document."""
        return json.dumps([self.kind, self.data, self.level])

    @classmethod
    def from_json(cls, text: str | bytes) -> Frame:
        """Return the frame of a JSON document."""
        kind, data, level = json.loads(text)
        return cls(FrameKind(kind), data, level)


Send = Callable[[Frame], None]


@dataclass(frozen=True, slots=True)
class Task:
    """One job as its worker sees it: a program's source or a function, inputs, a backend.

    ``inputs`` and ``backend_options`` are encoded text. ``function`` and ``backend`` are objects of
    this process, for jobs that never leave it. With ``only_load`` the program is imported and its
    ``main`` looked at, not called: that is how an upload is tried. ``brokered`` describes a backend
    that the worker reaches through its channel; empty if it makes the backend itself.
    """

    inputs: str
    backend_name: str
    source: ProgramSource | None = None
    function: Callable[..., Any] | None = None
    backend: Any = None
    backend_options: str = "{}"
    log_level: str = "WARNING"
    transpile_cache: bool = True
    only_load: bool = False
    spec: ProgramSpec = field(default_factory=ProgramSpec)
    brokered: str = ""

    def to_json(self) -> str:
        """Return the task as one JSON document, for a worker in another process.

        Raises:
            InvalidStateError: the task holds a function or a backend object.
        """
        if self.source is None or self.backend is not None:
            raise InvalidStateError(
                "a task with a function or a backend object stays in its process"
            )
        files = {
            path: base64.b64encode(content).decode() for path, content in self.source.files.items()
        }
        return json.dumps(
            {
                "inputs": self.inputs,
                "only_load": self.only_load,
                "backend_name": self.backend_name,
                "backend_options": self.backend_options,
                "log_level": self.log_level,
                "transpile_cache": self.transpile_cache,
                "brokered": self.brokered,
                "spec": _plain(asdict(self.spec)),
                "files": files,
                "entry_point": self.source.entry_point,
                "lock": self.source.lock,
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Task:
        """Return the task of a JSON document."""
        held = json.loads(text)
        files = {path: base64.b64decode(content) for path, content in held.pop("files").items()}
        source = ProgramSource(files, held.pop("entry_point"), held.pop("lock", ""))
        return cls(source=source, spec=ProgramSpec(**held.pop("spec")), **held)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
