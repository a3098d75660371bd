# SPDX-License-Identifier: Apache-2.0
"""``Session`` and ``Batch``: jobs that share a reservation of a backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from qruntime.client.job import RuntimeJob
from qruntime.client.options import RuntimeOptions
from qruntime.core import sessions
from qruntime.core.jobs import JobQuery
from qruntime.core.sessions import SessionMode
from qruntime.errors import InvalidInputError

if TYPE_CHECKING:
    from qruntime.client.service import RuntimeService


class Session:
    """A worker is kept for the session from its first job on; its jobs run one after the other.

    ``max_time`` is how long it lasts from its first job on, ``idle_time`` how long without a job
    that runs, both in seconds. As a context manager it is closed at the end: it takes no more jobs,
    and those that it has go on to their ends.

    Raises:
        BackendNotFoundError: there is none of this name.
        InvalidInputError: a time is wrong.
    """

    _mode = SessionMode.DEDICATED

    def __init__(
        self,
        service: RuntimeService,
        backend: str = "aer_simulator",
        *,
        max_time: float = 8 * 3600.0,
        idle_time: float = 300.0,
    ) -> None:
        self._service = service
        self._connection = service._connection
        self._session_id = self._connection.open_session(
            backend, self._mode, max_seconds=max_time, idle_seconds=idle_time
        ).session_id
        self._backend = backend

    @property
    def session_id(self) -> str:
        """The id, for ``RuntimeOptions.session_id``."""
        return self._session_id

    @property
    def backend(self) -> str:
        """The name of the backend that is reserved."""
        return self._backend

    def run(
        self,
        program_id: Any,
        inputs: Mapping[str, Any] | None = None,
        options: RuntimeOptions | Mapping[str, Any] | None = None,
        **more: Any,
    ) -> RuntimeJob:
        """Run a program in the session; otherwise as ``RuntimeService.run``.

        Raises:
            InvalidStateError: the session takes no more jobs.
        """
        given = RuntimeOptions.of(options)
        named = given.backend if given.backend is not None else given.backend_name
        if named not in (None, self._backend):
            raise InvalidInputError(
                f"this session is on '{self._backend}'; its jobs cannot run on {named!r}"
            )
        own = replace(given, backend=None, backend_name=self._backend, session_id=self._session_id)
        return self._service.run(program_id, inputs, own, **more)

    def jobs(self, limit: int | None = None) -> list[RuntimeJob]:
        """Return the session's jobs, the newest first."""
        query = JobQuery(session_id=self._session_id, limit=limit)
        return [RuntimeJob(self._connection, job.job_id) for job in self._connection.jobs(query)]

    def details(self) -> sessions.Session:
        """Return the session's record as it is now: its times, whether it takes jobs."""
        return self._connection.session(self._session_id)

    def close(self) -> None:
        """Take no more jobs; those that there are go on to their ends."""
        self._connection.close_session(self._session_id)

    def cancel(self) -> None:
        """Take no more jobs and cancel those in the queue; those that run go on to their ends."""
        self._connection.cancel_session(self._session_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}('{self._session_id}', '{self._backend}')>"


class Batch(Session):
    """Jobs that are submitted together and run side by side, as workers are free."""

    _mode = SessionMode.BATCH
