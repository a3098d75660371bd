# SPDX-License-Identifier: Apache-2.0
"""``HttpConnection``: a runtime on a server, behind the calls that a client makes."""

# ruff: noqa: D102  each call is described where a runtime implements it

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from json import loads
from typing import Any

from qruntime import wire
from qruntime.client.request import BrokenStreamError, Requests, part
from qruntime.core.jobs import Job, JobEvent, JobOptions, JobQuery
from qruntime.core.programs import Program, ProgramMetadata, ProgramQuery, ProgramSource
from qruntime.core.sessions import Session, SessionMode
from qruntime.errors import InvalidInputError
from qruntime.program.backend import ProgramBackend
from qruntime.program.metadata import to_dict
from qruntime.wire.schemas import (
    BackendDocument,
    EventDocument,
    JobDocument,
    ProgramDocument,
    SessionDocument,
    SourceBody,
)

_WAIT_SECONDS = 20.0
_TRIES = 3
"""How many streams in a row may break before the server is asked instead."""

_PAGE = 200


class HttpConnection:
    """Speaks to a server. Safe from any thread."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    @property
    def url(self) -> str:
        """The server's address."""
        return self._requests.url

    def close(self) -> None:
        self._requests.close()

    # programs -----------------------------------------------------------------------------------

    def upload_program(
        self, source: ProgramSource, metadata: ProgramMetadata, *, public: bool = False
    ) -> Program:
        body = {
            "source": SourceBody.of(source).model_dump(),
            "metadata": to_dict(metadata),
            "public": public,
        }
        return _program(self._requests.call("POST", "/programs", json=body))

    def update_program(
        self,
        program_id: str,
        *,
        source: ProgramSource | None = None,
        metadata: ProgramMetadata | None = None,
        public: bool | None = None,
    ) -> Program:
        body: dict[str, Any] = {}
        if source is not None:
            body["source"] = SourceBody.of(source).model_dump()
        if metadata is not None:
            body["metadata"] = to_dict(metadata)
        if public is not None:
            body["public"] = public
        return _program(self._requests.call("PATCH", f"/programs/{part(program_id)}", json=body))

    def program(self, program_id: str) -> Program:
        path = f"/programs/{part(program_id)}"
        return _program(self._requests.call("GET", path, params={"source": True}))

    def programs(self, query: ProgramQuery) -> list[Program]:
        found: list[Program] = []
        after = query.after
        while True:
            limit = _PAGE if query.limit is None else min(_PAGE, query.limit - len(found))
            if limit <= 0:
                return found
            params = {"search": query.search, "limit": limit, "after": after}
            page = loads(self._requests.call("GET", "/programs", params=params))
            found += [ProgramDocument.model_validate(item).to_core() for item in page]
            if len(page) < limit:
                return found
            after = found[-1].program_id

    def delete_program(self, program_id: str) -> None:
        self._requests.call("DELETE", f"/programs/{part(program_id)}")

    # jobs ---------------------------------------------------------------------------------------

    def submit(
        self, program_id: str, inputs: str, options: JobOptions, *, backend: Any = None
    ) -> Job:
        if backend is not None:
            raise InvalidInputError(
                "a backend object cannot be sent to a server: name one of service.backends()"
            )
        body = {
            "program_id": program_id,
            "inputs": inputs,
            "options": _options(options),
        }
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return _job(self._requests.call("POST", "/jobs", json=body, headers=headers))

    def submit_function(self, *_: Any, **__: Any) -> Job:
        raise InvalidInputError(
            "a plain function cannot be sent to a server: save it in a file as main(backend, "
            "user_messenger, ...), upload that with upload_program(), and run its id"
        )

    def job(self, job_id: str) -> Job:
        return _job(self._requests.call("GET", f"/jobs/{part(job_id)}"))

    def inputs(self, job_id: str) -> str:
        return self._requests.call("GET", f"/jobs/{part(job_id)}/inputs")

    def result(self, job_id: str) -> str:
        return self._requests.call("GET", f"/jobs/{part(job_id)}/result")

    def jobs(self, query: JobQuery) -> list[Job]:
        found: list[Job] = []
        after = query.after
        while True:
            limit = _PAGE if query.limit is None else min(_PAGE, query.limit - len(found))
            if limit <= 0:
                return found
            page = loads(self._requests.call("GET", "/jobs", params=_filters(query, limit, after)))
            found += [JobDocument.model_validate(item).to_core() for item in page]
            if len(page) < limit:
                return found
            after = found[-1].job_id

    def cancel(self, job_id: str) -> None:
        self._requests.call("POST", f"/jobs/{part(job_id)}/cancel")

    def delete_job(self, job_id: str) -> None:
        self._requests.call("DELETE", f"/jobs/{part(job_id)}")

    def events(self, job_id: str, *, after: int, timeout: float | None) -> list[JobEvent]:
        wait = _WAIT_SECONDS if timeout is None else max(0.0, min(timeout, _WAIT_SECONDS))
        params = {"after": after, "wait": wait}
        page = loads(self._requests.call("GET", f"/jobs/{part(job_id)}/events", params=params))
        return [EventDocument.model_validate(item).to_core() for item in page]

    def follow(self, job_id: str, *, after: int, timeout: float | None) -> Iterator[JobEvent]:
        deadline = None if timeout is None else time.monotonic() + timeout
        broken = 0
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            late = left is not None and left <= 0
            try:
                coming = self._next(job_id, after, left, pushed=broken < _TRIES and not late)
                for event in coming:
                    after, broken = event.cursor, 0
                    if event.last:
                        _see_out(coming)
                    yield event
                    if event.last:
                        return
            except BrokenStreamError:
                broken += 1
            if late:
                return

    def _next(
        self, job_id: str, after: int, seconds: float | None, *, pushed: bool
    ) -> Iterator[JobEvent]:
        """Yield what the server pushes; where nothing gets through, what it has when asked."""
        if not pushed:
            yield from self.events(job_id, after=after, timeout=seconds)
            return
        path = f"/jobs/{part(job_id)}/stream"
        for text in self._requests.stream(path, params={"after": after}, seconds=seconds):
            yield EventDocument.model_validate_json(text).to_core()

    # sessions and backends ----------------------------------------------------------------------

    def open_session(
        self, backend_name: str, mode: SessionMode, *, max_seconds: float, idle_seconds: float
    ) -> Session:
        body = {
            "backend_name": backend_name,
            "mode": mode,
            "max_seconds": max_seconds,
            "idle_seconds": idle_seconds,
        }
        return _session(self._requests.call("POST", "/sessions", json=body))

    def session(self, session_id: str) -> Session:
        return _session(self._requests.call("GET", f"/sessions/{part(session_id)}"))

    def sessions(self) -> list[Session]:
        page = loads(self._requests.call("GET", "/sessions"))
        return [SessionDocument.model_validate(item).to_core() for item in page]

    def close_session(self, session_id: str) -> Session:
        return _session(self._requests.call("POST", f"/sessions/{part(session_id)}/close"))

    def cancel_session(self, session_id: str) -> Session:
        return _session(self._requests.call("POST", f"/sessions/{part(session_id)}/cancel"))

    def backends(self) -> list[str]:
        names: list[str] = loads(self._requests.call("GET", "/backends"))
        return names

    def backend(self, name: str) -> ProgramBackend:
        from qruntime.client.remote_backend import RemoteBackend

        page = self._requests.call("GET", f"/backends/{part(name)}")
        return RemoteBackend(self, BackendDocument.model_validate_json(page))

    def backend_of(self, job_id: str) -> ProgramBackend:
        return self.backend(self.job(job_id).options.backend_name)

    def call(self, method: str, path: str, *, json: Any = None, params: Any = None) -> Any:
        """Make any call of the API and return what it answers: for administration.

        Raises:
            QRuntimeError: as the server's answer says.
        """
        text = self._requests.call(method, path, json=json, params=params)
        return loads(text) if text else None


def _see_out(stream: Iterator[JobEvent]) -> None:
    """Read a stream to its end, after which its connection serves the next call."""
    with contextlib.suppress(BrokenStreamError):
        for _ in stream:
            pass


def _options(options: JobOptions) -> dict[str, Any]:
    if options.session_time is not None:
        raise InvalidInputError("session_time is given when a session is opened")
    encoded = loads(wire.encode(dict(options.backend_options), root="backend_options"))
    return {
        "backend_name": options.backend_name,
        "log_level": options.log_level,
        "tags": list(options.tags),
        "max_execution_time": options.max_execution_time,
        "session_id": options.session_id,
        "image": options.image,
        "backend_options": encoded,
        "transpile_cache": options.transpile_cache,
        "priority": options.priority,
        "start_deadline": options.start_deadline,
        "max_attempts": options.max_attempts,
    }


def _filters(query: JobQuery, limit: int, after: str | None) -> dict[str, Any]:
    return {
        "program_id": query.program_id,
        "backend_name": query.backend_name,
        "session_id": query.session_id,
        "status": query.status,
        "pending": query.pending,
        "tag": list(query.tags),
        "created_after": query.created_after and query.created_after.isoformat(),
        "created_before": query.created_before and query.created_before.isoformat(),
        "limit": limit,
        "after": after,
    }


def _program(text: str) -> Program:
    return ProgramDocument.model_validate_json(text).to_core()


def _job(text: str) -> Job:
    return JobDocument.model_validate_json(text).to_core()


def _session(text: str) -> Session:
    return SessionDocument.model_validate_json(text).to_core()
