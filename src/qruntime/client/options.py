# SPDX-License-Identifier: Apache-2.0
"""``RuntimeOptions``: how and where a job is to run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from qruntime.core.jobs import MAX_ATTEMPTS, MAX_PRIORITY, JobOptions
from qruntime.errors import InvalidInputError, nearest

_IMAGE = re.compile(r"[a-zA-Z0-9]+([/.\-_][a-zA-Z0-9]+)*:[a-zA-Z0-9]+([.\-_][a-zA-Z0-9]+)*")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass
class RuntimeOptions:
    """How and where a job is to run.

    ``backend`` (or ``backend_name``) is a backend's name; in-process it may be a backend object.
    ``backend_options`` set the backend's options for this job, such as ``shots`` or
    ``seed_simulator``. ``max_execution_time`` and ``session_time`` are in seconds. ``image`` is the
    worker image as ``name:tag``. ``log_level`` is DEBUG, INFO, WARNING (the default), ERROR or
    CRITICAL. ``transpile_cache=False`` has Qiskit transpile each circuit of the program anew.

    ``session_id`` is the session that the job joins. Of one user's jobs those of a higher
    ``priority`` start first. A job that has not started ``start_deadline`` seconds after it was
    submitted fails. ``max_attempts`` is how often it may be started if its worker is lost; a
    program's own failure is never tried again.
    """

    backend_name: Any = None
    image: str | None = None
    log_level: str | None = None
    job_tags: list[str] | None = None
    max_execution_time: float | None = None
    session_time: float | None = None
    backend: Any = None
    backend_options: dict[str, Any] = field(default_factory=dict)
    transpile_cache: bool = True
    session_id: str | None = None
    priority: int = 0
    start_deadline: float | None = None
    max_attempts: int = 1

    @classmethod
    def of(cls, options: RuntimeOptions | Mapping[str, Any] | None) -> RuntimeOptions:
        """Return options given as an object, a dict or not at all.

        Raises:
            InvalidInputError: the dict has a key that is not an option.
        """
        if isinstance(options, RuntimeOptions):
            return options
        if options is not None and not isinstance(options, Mapping):
            raise InvalidInputError(
                f"options must be a dict or RuntimeOptions, not {type(options).__name__}"
            )
        known = [item.name for item in fields(cls)]
        for key in options or {}:
            if key not in known:
                hint = nearest(str(key), known) or f"; there are: {', '.join(known)}"
                raise InvalidInputError(f"no runtime option '{key}'{hint}")
        return cls(**(options or {}))

    def validate(self) -> None:
        """Check the values.

        Raises:
            InvalidInputError: one is wrong; the message names it.
        """
        if self.backend is not None and self.backend_name is not None:
            raise InvalidInputError("give the backend once: as 'backend' or as 'backend_name'")
        if self.image is not None and not _IMAGE.fullmatch(str(self.image)):
            raise InvalidInputError(f"image must be 'name:tag', not {self.image!r}")
        if self.log_level is not None and str(self.log_level).upper() not in _LEVELS:
            raise InvalidInputError(
                f"log_level must be one of {', '.join(_LEVELS)}, not {self.log_level!r}"
            )
        for name in ("max_execution_time", "session_time", "start_deadline"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise InvalidInputError(f"{name} must be a number of seconds > 0, not {value!r}")
        _check_whole("priority", self.priority, -MAX_PRIORITY, MAX_PRIORITY)
        _check_whole("max_attempts", self.max_attempts, 1, MAX_ATTEMPTS)
        given = self.backend_options
        if given is not None and (
            not isinstance(given, Mapping) or any(not isinstance(key, str) for key in given)
        ):
            raise InvalidInputError(
                f"backend_options must be a dict from names to values, not {given!r}"
            )
        if not isinstance(self.transpile_cache, bool):
            raise InvalidInputError(
                f"transpile_cache must be True or False, not {self.transpile_cache!r}"
            )
        tags = self.job_tags
        if tags is not None and (
            not isinstance(tags, list | tuple) or any(not isinstance(tag, str) for tag in tags)
        ):
            raise InvalidInputError(f"job_tags must be a list of strings, not {tags!r}")

    def job_options(self, default_backend: str) -> tuple[JobOptions, Any]:
        """Return the options as a job holds them, and the backend object if one was given."""
        self.validate()
        chosen = self.backend if self.backend is not None else self.backend_name
        name = default_backend if chosen is None else chosen
        held = None if isinstance(name, str) else name
        options = JobOptions(
            backend_name=name if isinstance(name, str) else str(getattr(held, "name", held)),
            log_level=str(self.log_level or "WARNING").upper(),
            tags=tuple(self.job_tags or ()),
            max_execution_time=self.max_execution_time,
            session_time=self.session_time,
            image=self.image,
            backend_options=dict(self.backend_options or {}),
            transpile_cache=self.transpile_cache,
            session_id=self.session_id,
            priority=self.priority,
            start_deadline=self.start_deadline,
            max_attempts=self.max_attempts,
        )
        return options, held


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInputError(
            f"{name} must be a whole number from {least} to {most}, not {value!r}"
        )
