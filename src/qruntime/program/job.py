# SPDX-License-Identifier: Apache-2.0
"""The job that a synchronous ``backend.run`` returns: it has finished already."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from qiskit.providers import JobStatus, JobV1
from qiskit.result import Result

from qruntime.program.faces import Header


class FinishedJob(JobV1):
    """A job that holds its result.

    ``result`` is the result, or a function that makes it when somebody first asks.
    """

    _async = False

    def __init__(
        self,
        backend: Any,
        result: Result | Callable[[], Result],
        *,
        job_id: str | None = None,
        **metadata: Any,
    ) -> None:
        super().__init__(backend, job_id or os.urandom(16).hex(), **metadata)
        self._result = result

    def ran_on(self, backend: Any) -> None:
        """State which backend the program ran the job on: a wrapper, it may be."""
        self._backend = backend

    def submit(self) -> None:
        """Do nothing: the job was submitted and has finished."""

    def result(self, timeout: float | None = None) -> Result:  # noqa: ARG002  old programs pass it
        """Return the result; there is nothing to wait for.

        The header of each experiment is readable by attribute and by key.
        """
        if not isinstance(self._result, Result):
            self._result = self._result()
        return _with_headers(self._result)

    def status(self) -> JobStatus:
        """Return DONE."""
        return JobStatus.DONE

    def cancel(self) -> bool:
        """Return False: a finished job cannot be cancelled."""
        return False

    def __repr__(self) -> str:
        return f"<{type(self).__name__}('{self.job_id()}')>"


def _with_headers(result: Result) -> Result:
    if getattr(result, "makes_headers", False):  # a lazy result, which makes its own at first look
        return result
    for experiment in result.results:
        header = getattr(experiment, "header", None)
        if header is not None and not isinstance(header, Header):
            experiment.header = Header(header if isinstance(header, dict) else header.to_dict())
    return result
