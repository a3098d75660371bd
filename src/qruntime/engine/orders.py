# SPDX-License-Identifier: Apache-2.0
"""What a claimed job's worker is to do: its task and its time limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from qruntime import wire
from qruntime.core.jobs import Job
from qruntime.service.jobs import time_limit
from qruntime.store.base import Store
from qruntime.worker.task import Task

_VERSIONS = 32


@dataclass(frozen=True, slots=True)
class Order:
    """A claimed job's task, and its time limit in seconds."""

    task: Task
    limit_seconds: float | None


class Orders(Protocol):
    """Gives the orders of jobs that the engine has claimed."""

    def take(self, job: Job) -> Order | None:
        """Return the order of a job; None if it is no longer wanted.

        Raises:
            QRuntimeError: the job cannot be run; it fails with the error's code and message.
        """


class StoredOrders:
    """Orders made of what the store holds: any engine on the store can carry them out.

    ``longest_seconds`` is the longest that any job may run. ``describe`` gives what a worker may
    know of a backend that it reaches through the broker, and nothing for any other.
    """

    def __init__(
        self,
        store: Store,
        *,
        longest_seconds: float | None = None,
        describe: Callable[[str], str] = lambda _name: "",
    ) -> None:
        self._describe = describe
        self._longest_seconds = longest_seconds
        self._version = lru_cache(_VERSIONS)(store.version)  # a version never changes

    def take(self, job: Job) -> Order | None:
        """Return the order of a job of a program's version.

        Raises:
            ProgramNotFoundError: the version is gone, or the job is one of a plain function.
            ExecutionError: the provider of the job's backend cannot be asked.
        """
        program = self._version(job.program_id, job.version)
        options = job.options
        task = Task(
            inputs=job.inputs,
            backend_name=options.backend_name,
            source=program.source,
            backend_options=wire.encode(dict(options.backend_options)),
            log_level=options.log_level,
            transpile_cache=options.transpile_cache,
            spec=program.metadata.spec,
            brokered=self._describe(options.backend_name),
        )
        limits = (time_limit(program.metadata, options), self._longest_seconds)
        return Order(task, min((limit for limit in limits if limit is not None), default=None))
