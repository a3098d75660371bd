# SPDX-License-Identifier: Apache-2.0
"""What the client's classes ask of a runtime, wherever it is."""

# ruff: noqa: D102  each call is described where a runtime implements it

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from qruntime.core.jobs import Job, JobEvent, JobOptions
from qruntime.core.programs import Program, ProgramMetadata, ProgramSource
from qruntime.program.backend import ProgramBackend


class Connection(Protocol):
    """The calls; each is described where the runtime implements it."""

    def upload_program(self, source: ProgramSource, metadata: ProgramMetadata) -> Program: ...

    def update_program(
        self,
        program_id: str,
        *,
        source: ProgramSource | None = None,
        metadata: ProgramMetadata | None = None,
    ) -> Program: ...

    def program(self, program_id: str) -> Program: ...

    def programs(self) -> list[Program]: ...

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

    def jobs(self) -> list[Job]: ...

    def cancel(self, job_id: str) -> None: ...

    def delete_job(self, job_id: str) -> None: ...

    def events(self, job_id: str, *, after: int, timeout: float | None) -> list[JobEvent]: ...

    def backends(self) -> list[str]: ...

    def backend(self, name: str) -> ProgramBackend: ...

    def backend_of(self, job_id: str) -> ProgramBackend: ...

    def close(self) -> None: ...
