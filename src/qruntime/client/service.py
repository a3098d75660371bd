# SPDX-License-Identifier: Apache-2.0
"""``RuntimeService``: the one object that a user starts from."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from qruntime import wire
from qruntime.bootstrap import launcher, local
from qruntime.client.accounts import find_account
from qruntime.client.connection import Connection
from qruntime.client.decoder import ResultDecoder
from qruntime.client.job import Callback, RuntimeJob
from qruntime.client.options import RuntimeOptions
from qruntime.client.program import ParameterNamespace, RuntimeProgram
from qruntime.core.jobs import JobQuery, JobStatus
from qruntime.core.programs import ProgramMetadata, ProgramQuery, ProgramSource
from qruntime.errors import InvalidInputError
from qruntime.program.backend import ProgramBackend
from qruntime.program.loader import check_inputs, check_main
from qruntime.program.metadata import find_metadata, metadata_of, read_metadata, to_dict
from qruntime.program.source import read_source

DEFAULT_BACKEND = "aer_simulator"

Source = str | PathLike[str] | bytes


class RuntimeService:
    """Upload programs, run them, follow the jobs.

    With ``url`` it is a server's: ``RuntimeService("http://HOST:PORT", token=KEY)``. Without a
    ``token`` the key is that of ``QRUNTIME_TOKEN`` or of `qruntime login`. ``verify`` is a file of
    certificates to trust besides the system's, or False; ``proxy`` is one to use in the place of
    those of the environment.

    Without ``url`` it is a runtime in the caller's own process; nothing outlives it. ``isolation``
    is where
    programs run: ``"inline"`` in threads of this process (no start-up time, any function can be a
    program, but one long computation cannot be interrupted) or ``"process"``, each in a process of
    its own (can be killed at any moment, cannot crash the caller). ``jobs_at_once`` is how many run
    at the same time. ``backends`` are your own backends by name: objects, classes, functions.
    ``connection`` is another runtime to speak to, in the place of one made here.

    Use it as a context manager, or ``close()`` it, to let its workers go.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        verify: bool | str = True,
        proxy: str | None = None,
        isolation: str = "inline",
        jobs_at_once: int = 4,
        backends: Mapping[str, Any] | None = None,
        connection: Connection | None = None,
    ) -> None:
        if isinstance(jobs_at_once, bool) or not isinstance(jobs_at_once, int) or jobs_at_once < 1:
            raise InvalidInputError(f"jobs_at_once must be an integer >= 1, not {jobs_at_once!r}")
        if url is not None:
            connection = _connected(url, token, verify=verify, proxy=proxy)
        self._connection = connection or local(
            launcher(isolation), slots=jobs_at_once, backends=backends
        )

    @classmethod
    def from_account(cls, url: str | None = None) -> Self:
        """Return the service of a saved account, the one saved last by default.

        ``QRUNTIME_URL`` and ``QRUNTIME_TOKEN`` go before what is saved.

        Raises:
            InvalidInputError: none is known.
        """
        account = find_account(url)
        return cls(account.url, account.token, verify=account.verify)

    def upload_program(
        self,
        data: Source,
        metadata: Mapping[str, Any] | str | PathLike[str] | None = None,
        *,
        public: bool = False,
        **changes: Any,
    ) -> str:
        """Upload a program and return its id.

        ``data`` is a Python file, a folder, a zip file or source text. ``metadata`` is a dict or a
        JSON file; without it, the file beside the program is taken (``vqe.json`` beside ``vqe.py``,
        ``program.json`` in a folder). ``changes`` override single keys of it: ``name``,
        ``description``, ``max_execution_time``, ``spec``. A ``public`` program may be run by
        everybody who has a key of the server.

        Raises:
            InvalidProgramError: it cannot be a program; the message says why.
            DuplicateProgramError: a program of this name was uploaded before.
        """
        source = read_source(data)
        found = _metadata(data, source, metadata, changes)
        return self._connection.upload_program(source, found, public=public).program_id

    def update_program(
        self,
        program_id: str,
        data: Source | None = None,
        metadata: Mapping[str, Any] | str | PathLike[str] | None = None,
        *,
        public: bool | None = None,
        **changes: Any,
    ) -> None:
        """Replace a program's source, its metadata, or single keys of the metadata.

        Raises:
            ProgramNotFoundError: there is none of this id.
            InvalidProgramError: it cannot be a program.
            InvalidInputError: there is nothing to change.
        """
        if data is None and metadata is None and public is None and not changes:
            raise InvalidInputError("nothing to update: give data, metadata or single keys of it")
        held = self._connection.program(program_id).metadata
        given = to_dict(held) if metadata is None else _as_dict(metadata)
        updated = read_metadata({**given, **changes}, default_name=held.name)
        source = None if data is None else read_source(data)
        self._connection.update_program(program_id, source=source, metadata=updated, public=public)

    def programs(
        self, *, search: str = "", limit: int | None = None, skip: int = 0
    ) -> list[RuntimeProgram]:
        """Return the programs, in the order of their upload.

        ``search`` is a text to find in id, name or description, in any case.
        """
        most = None if limit is None else skip + limit
        found = self._connection.programs(ProgramQuery(search=search, limit=most))
        return [RuntimeProgram(program, self._connection) for program in found[skip:]]

    def program(self, program_id: str) -> RuntimeProgram:
        """Return a program.

        Raises:
            ProgramNotFoundError: there is none of this id.
        """
        return RuntimeProgram(self._connection.program(program_id), self._connection)

    def delete_program(self, program_id: str) -> None:
        """Delete a program; its jobs stay.

        Raises:
            ProgramNotFoundError: there is none of this id.
        """
        self._connection.delete_program(program_id)

    def run(
        self,
        program_id: str | Callable[..., Any],
        inputs: Mapping[str, Any] | ParameterNamespace | None = None,
        options: RuntimeOptions | Mapping[str, Any] | None = None,
        callback: Callback | None = None,
        result_decoder: type[ResultDecoder] = ResultDecoder,
    ) -> RuntimeJob:
        """Run a program, or a plain function ``main(backend, user_messenger, **inputs)``.

        ``callback(job_id, interim_result)`` is called for every interim result.

        Raises:
            ProgramNotFoundError, BackendNotFoundError: there is none of this name.
            SchemaViolationError: an input does not fit the program's schema.
            InvalidInputError: an input or option is wrong; nothing was started.
        """
        job_options, backend = RuntimeOptions.of(options).job_options(DEFAULT_BACKEND)
        given = _inputs(inputs)
        _check_readers(callback, result_decoder)
        if callable(program_id):
            check_main(program_id)
            check_inputs(program_id, given)
            encoded = wire.encode(given, root="inputs")
            held = self._connection.submit_function(
                program_id, encoded, job_options, backend=backend
            )
        else:
            encoded = wire.encode(given, root="inputs")
            held = self._connection.submit(program_id, encoded, job_options, backend=backend)
        job = RuntimeJob(self._connection, held.job_id, result_decoder=result_decoder)
        if callback is not None:
            job.stream_results(callback)
        return job

    def job(self, job_id: str) -> RuntimeJob:
        """Return a job.

        Raises:
            JobNotFoundError: there is none of this id.
        """
        return RuntimeJob(self._connection, self._connection.job(job_id).job_id)

    def jobs(  # noqa: PLR0913  one parameter for each filter
        self,
        *,
        limit: int | None = 10,
        skip: int = 0,
        pending: bool | None = None,
        program_id: str | None = None,
        status: str | None = None,
        tags: list[str] | None = None,
        backend_name: str | None = None,
        session_id: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
    ) -> list[RuntimeJob]:
        """Return jobs, the newest first.

        ``pending`` asks for those that have not ended (True) or have (False); ``tags`` for those
        that have all of the tags.
        """
        wanted = None if status is None else _status(status)
        query = JobQuery(
            program_id=program_id,
            backend_name=backend_name,
            session_id=session_id,
            status=wanted,
            pending=pending,
            tags=tuple(tags or ()),
            created_after=created_after,
            created_before=created_before,
            limit=None if limit is None else skip + limit,
        )
        found = self._connection.jobs(query)
        return [RuntimeJob(self._connection, job.job_id) for job in found[skip:]]

    def delete_job(self, job_id: str) -> None:
        """Delete a job that has ended.

        Raises:
            JobNotFoundError: there is none of this id.
            InvalidStateError: it has not ended; cancel it first.
        """
        self._connection.delete_job(job_id)

    def backends(self) -> list[str]:
        """Return the names of the backends."""
        return self._connection.backends()

    def backend(self, name: str = DEFAULT_BACKEND) -> ProgramBackend:
        """Return a new backend, ready for a script or notebook: the one that a program would get.

        Raises:
            BackendNotFoundError: there is none; the message has the nearest names.
            MissingDependencyError: it needs an optional package; the message says which.
        """
        return self._connection.backend(name)

    def close(self) -> None:
        """Start no more jobs and let the workers go; jobs that run are left to end."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _connected(url: str, token: str | None, *, verify: bool | str, proxy: str | None) -> Connection:
    from qruntime.client.http import HttpConnection
    from qruntime.client.request import Requests

    if token is None:
        account = find_account(url)
        token = account.token
        verify = account.verify if verify is True else verify
    return HttpConnection(Requests(url, token, verify=verify, proxy=proxy))


def _check_readers(callback: Any, result_decoder: Any) -> None:
    if callback is not None and not callable(callback):
        raise InvalidInputError(
            f"callback must be a function of job id and result, not {type(callback).__name__}"
        )
    if not callable(getattr(result_decoder, "decode", None)):
        raise InvalidInputError("result_decoder must be ResultDecoder or a subclass of it")


def _status(status: str) -> JobStatus:
    try:
        return JobStatus(status)
    except ValueError as error:
        allowed = ", ".join(f"'{item}'" for item in JobStatus)
        raise InvalidInputError(f"no job status {status!r}; there are: {allowed}") from error


def _inputs(inputs: Mapping[str, Any] | ParameterNamespace | None) -> dict[str, Any]:
    if isinstance(inputs, ParameterNamespace):
        inputs.validate()
        return inputs.to_dict()
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping) or any(not isinstance(key, str) for key in inputs):
        raise InvalidInputError(
            f"inputs must be a dict from names to values, not {type(inputs).__name__}"
        )
    return dict(inputs)


def _as_dict(metadata: Mapping[str, Any] | str | PathLike[str]) -> dict[str, Any]:
    if isinstance(metadata, Mapping):
        return dict(metadata)
    return to_dict(read_metadata(metadata, default_name=Path(metadata).stem))


def _metadata(
    data: Source,
    source: ProgramSource,
    metadata: Mapping[str, Any] | str | PathLike[str] | None,
    changes: Mapping[str, Any],
) -> ProgramMetadata:
    path = _existing(data)
    if metadata is None and path is not None:
        metadata = find_metadata(path)
    given = metadata_of(source) or {} if metadata is None else _as_dict(metadata)
    return read_metadata({**given, **changes}, default_name=path.stem if path else "program")


def _existing(data: Source) -> Path | None:
    if isinstance(data, bytes):
        return None
    with contextlib.suppress(OSError, ValueError):
        path = Path(data)
        return path if path.exists() else None
    return None
