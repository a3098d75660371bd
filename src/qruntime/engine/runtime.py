# SPDX-License-Identifier: Apache-2.0
"""The runtime of one process: a store and an engine behind the calls that a client makes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from qruntime import wire
from qruntime.backends.registry import BackendRegistry, as_backend, with_own_options
from qruntime.core.jobs import Job, JobEvent, JobOptions, JobQuery
from qruntime.core.programs import Program, ProgramMetadata, ProgramQuery, ProgramSource
from qruntime.core.sessions import Session, SessionMode
from qruntime.engine.dispatch import EngineSettings
from qruntime.engine.launchers import Launcher
from qruntime.engine.loop import Engine
from qruntime.engine.orders import Order
from qruntime.environments.installed import Resolve, use_what_is_here
from qruntime.errors import InvalidInputError, InvalidStateError, UnsupportedOptionError
from qruntime.program.backend import ProgramBackend
from qruntime.program.requirements import check_requirements
from qruntime.service import jobs, programs, sessions
from qruntime.service.access import LOCAL
from qruntime.store.base import Store
from qruntime.worker.task import Task

_WAIT_SECONDS = 5.0


class LocalRuntime:
    """A store, an engine and backends, behind the calls that a client makes."""

    def __init__(
        self,
        store: Store,
        registry: BackendRegistry,
        launcher: Launcher,
        *,
        slots: int,
        resolve: Resolve = use_what_is_here,
    ) -> None:
        self._resolve = resolve
        self._in_process = launcher.in_process
        self._store = store
        self._registry = registry
        self._orders: dict[str, Order] = {}
        self._objects: dict[str, ProgramBackend] = {}
        self._submitting = threading.Lock()
        own = EngineSettings(exclusive=True)
        self._engine = Engine(store, launcher, self, slots=slots, settings=own)

    def close(self) -> None:
        """Stop claiming jobs."""
        self._engine.close()

    def upload_program(
        self, source: ProgramSource, metadata: ProgramMetadata, *, public: bool = False
    ) -> Program:
        """See ``service.programs.upload_program``."""
        return programs.upload_program(
            self._store, LOCAL, source, metadata, public=public, resolve=self._resolve
        )

    def update_program(
        self,
        program_id: str,
        *,
        source: ProgramSource | None = None,
        metadata: ProgramMetadata | None = None,
        public: bool | None = None,
    ) -> Program:
        """See ``service.programs.update_program`` and ``set_public``."""
        if public is not None:
            programs.set_public(self._store, LOCAL, program_id, public=public)
        return programs.update_program(
            self._store,
            LOCAL,
            program_id,
            source=source,
            metadata=metadata,
            resolve=self._resolve,
        )

    def program(self, program_id: str) -> Program:
        """Return a program with its source."""
        return self._store.program(program_id, with_source=True)

    def programs(self, query: ProgramQuery) -> list[Program]:
        """Return programs without their sources."""
        return self._store.programs(query)

    def delete_program(self, program_id: str) -> None:
        """Delete a program; its jobs stay."""
        self._store.delete_program(program_id)

    def submit(
        self, program_id: str, inputs: str, options: JobOptions, *, backend: Any = None
    ) -> Job:
        """Queue a job of a program; ``backend`` is an object to use instead of a name."""
        program = programs.find_version(self._store, LOCAL, program_id)
        task = Task(
            inputs=jobs.checked_inputs(program.metadata, inputs),
            backend_name=options.backend_name,
            source=program.source,
            spec=program.metadata.spec,
        )

        def queue() -> Job:
            return jobs.queue_job(self._store, LOCAL, program, inputs, options)

        return self._queue(
            queue, task, options, jobs.time_limit(program.metadata, options), backend
        )

    def submit_function(
        self,
        function: Callable[..., Any],
        inputs: str,
        options: JobOptions,
        *,
        backend: Any = None,
    ) -> Job:
        """Queue a job of a plain function of this process."""
        name = f"function:{getattr(function, '__qualname__', type(function).__name__)}"
        task = Task(inputs=inputs, backend_name=options.backend_name, function=function)

        def queue() -> Job:
            return jobs.queue_function(self._store, LOCAL, name, inputs, options)

        return self._queue(queue, task, options, options.max_execution_time, backend)

    def _queue(
        self,
        queue: Callable[[], Job],
        task: Task,
        options: JobOptions,
        limit: float | None,
        backend: Any,
    ) -> Job:
        self._check_can_run(options)
        checked = self._checked_backend(task, options, backend)
        task = replace(
            task,
            backend=checked if backend is not None or self._in_process else None,
            backend_options=wire.encode(dict(options.backend_options)),
            log_level=options.log_level,
            transpile_cache=options.transpile_cache,
        )
        with self._submitting:
            job = queue()
            self._orders[job.job_id] = Order(task, limit)
            if backend is not None:
                self._objects[job.job_id] = checked
        return job

    def _check_can_run(self, options: JobOptions) -> None:
        if self._engine.closed:
            raise InvalidStateError("the service is closed: it starts no more jobs")
        if options.image is not None or options.session_time is not None:
            name = "image" if options.image is not None else "session_time"
            why = "has one environment" if name == "image" else "opens sessions with open_session()"
            raise UnsupportedOptionError(
                f"runtime option '{name}' cannot be honoured: this runtime {why}; leave it out"
            )

    def _checked_backend(self, task: Task, options: JobOptions, backend: Any) -> ProgramBackend:
        """Make the backend now, so that a wrong name, option or size is told before queueing."""
        if not self._in_process and (task.function is not None or backend is not None):
            raise InvalidInputError(
                "a plain function or a backend object cannot leave this process: upload a program "
                "and name the backend, or use RuntimeService(isolation='inline')"
            )
        if backend is None:
            made = self._registry.create(options.backend_name)
        else:
            made = with_own_options(as_backend(backend, "options.backend"))
        made.set_options(**options.backend_options)
        check_requirements(task.spec.backend_requirements, made)
        return made

    def take(self, job: Job) -> Order | None:
        """Give the engine the order of a job that it has claimed, once."""
        with self._submitting:
            return self._orders.pop(job.job_id, None)

    def job(self, job_id: str) -> Job:
        """Return a job as it is now."""
        return self._store.job(job_id)

    def inputs(self, job_id: str) -> str:
        """Return a job's encoded inputs."""
        return self._store.job(job_id).inputs

    def result(self, job_id: str) -> str:
        """Return a completed job's encoded result."""
        return self._store.job(job_id).result or "null"

    def jobs(self, query: JobQuery) -> list[Job]:
        """Return jobs, the newest first."""
        return self._store.jobs(query)

    def cancel(self, job_id: str) -> None:
        """See ``service.jobs.cancel_job``."""
        self.take(jobs.cancel_job(self._store, LOCAL, job_id))

    def delete_job(self, job_id: str) -> None:
        """See ``service.jobs.delete_job``."""
        jobs.delete_job(self._store, LOCAL, job_id)
        self._objects.pop(job_id, None)

    def events(self, job_id: str, *, after: int, timeout: float | None) -> list[JobEvent]:
        """Return a job's events after a cursor; wait for one, ``timeout`` seconds or for ever."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            seen = self._store.bell.count(job_id)
            found = self._store.events(job_id, after=after)
            left = _WAIT_SECONDS if deadline is None else deadline - time.monotonic()
            if found or left <= 0:
                return found
            self._store.bell.wait(job_id, seen, min(left, _WAIT_SECONDS))

    def follow(self, job_id: str, *, after: int, timeout: float | None) -> Iterator[JobEvent]:
        """Yield a job's events after a cursor as they come, to its end or the time's."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            found = self.events(job_id, after=after, timeout=left)
            for event in found:
                after = event.cursor
                yield event
                if event.last:
                    return
            if left is not None and left <= 0:
                return

    def open_session(
        self, backend_name: str, mode: SessionMode, *, max_seconds: float, idle_seconds: float
    ) -> Session:
        """See ``service.sessions.create_session``."""
        self._registry.create(backend_name)
        return sessions.create_session(
            self._store,
            LOCAL,
            backend_name,
            mode,
            max_seconds=max_seconds,
            idle_seconds=idle_seconds,
        )

    def session(self, session_id: str) -> Session:
        """Return a session."""
        return self._store.session(session_id)

    def sessions(self) -> list[Session]:
        """Return all sessions, the newest first."""
        return self._store.sessions()

    def close_session(self, session_id: str) -> Session:
        """See ``service.sessions.close_session``."""
        return sessions.close_session(self._store, LOCAL, session_id)

    def cancel_session(self, session_id: str) -> Session:
        """See ``service.sessions.cancel_session``."""
        return sessions.cancel_session(self._store, LOCAL, session_id)

    def backends(self) -> list[str]:
        """Return the names of the backends."""
        return self._registry.names()

    def backend(self, name: str) -> ProgramBackend:
        """Return a new backend of this name."""
        return self._registry.create(name)

    def backend_of(self, job_id: str) -> ProgramBackend:
        """Return the backend object that a job was given, or a new one of the name."""
        given = self._objects.get(job_id)
        return given or self.backend(self.job(job_id).options.backend_name)
