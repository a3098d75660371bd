# SPDX-License-Identifier: Apache-2.0
"""What the client's classes ask of a runtime, wherever it is."""

# ruff: noqa: D102  each call is described where a runtime implements it

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from qruntime.core.jobs import Job, JobEvent, JobOptions, JobQuery
from qruntime.core.programs import Program, ProgramMetadata, ProgramQuery, ProgramSource
from qruntime.core.sessions import Session, SessionMode
from qruntime.program.backend import ProgramBackend


class Connection(Protocol):
    """The calls; each is described where the runtime implements it."""

    def upload_program(
        self, source: ProgramSource, metadata: ProgramMetadata, *, public: bool = False
    ) -> Program: ...

    def update_program(
        self,
        program_id: str,
        *,
        source: ProgramSource | None = None,
        metadata: ProgramMetadata | None = None,
        public: bool | None = None,
    ) -> Program: ...

    def program(self, program_id: str) -> Program: ...

    def programs(self, query: ProgramQuery) -> list[Program]: ...

    def delete_program(self, program_id: str) -> None: ...

    def submit(
        self, program_id: str, inputs: str, options: JobOptions, *, backend: Any = None
    ) -> Job: ...

    def submit_function(
        self,
        function: Callable[..., Any],
        inputs: str,
        options: JobOptions,
        *,
        backend: Any = None,
    ) -> Job: ...

    def job(self, job_id: str) -> Job: ...

    def inputs(self, job_id: str) -> str: ...

    def result(self, job_id: str) -> str: ...

    def jobs(self, query: JobQuery) -> list[Job]: ...

    def cancel(self, job_id: str) -> None: ...

    def delete_job(self, job_id: str) -> None: ...

    def events(self, job_id: str, *, after: int, timeout: float | None) -> list[JobEvent]: ...

    def follow(self, job_id: str, *, after: int, timeout: float | None) -> Iterator[JobEvent]: ...

    def open_session(
        self, backend_name: str, mode: SessionMode, *, max_seconds: float, idle_seconds: float
    ) -> Session: ...

    def session(self, session_id: str) -> Session: ...

    def sessions(self) -> list[Session]: ...

    def close_session(self, session_id: str) -> Session: ...

    def cancel_session(self, session_id: str) -> Session: ...

    def backends(self) -> list[str]: ...

    def backend(self, name: str) -> ProgramBackend: ...

    def backend_of(self, job_id: str) -> ProgramBackend: ...

    def close(self) -> None: ...
