# SPDX-License-Identifier: Apache-2.0
"""``RemoteBackend``: a server's backend in a script or notebook, with the same contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit
from qiskit.providers import Options
from qiskit.result import Result

from qruntime import wire
from qruntime.client.decoder import ResultDecoder
from qruntime.client.job import RuntimeJob
from qruntime.core.jobs import JobOptions
from qruntime.core.programs import ProgramMetadata, ProgramSource
from qruntime.errors import (
    DuplicateProgramError,
    ExecutionTimeoutError,
    InvalidInputError,
    JobTimeoutError,
    ProgramNotFoundError,
)
from qruntime.program.backend import ProgramBackend
from qruntime.program.job import FinishedJob
from qruntime.program.models import BackendStatus, configuration_from, properties_from
from qruntime.wire.schemas import BackendDocument

if TYPE_CHECKING:
    from qruntime.client.http import HttpConnection

_RUNNER = '''"""Runs circuits for a script that is not a program."""


def main(backend, user_messenger, circuits, run_config):
    return backend.run(circuits, **run_config).result()
'''
_SOURCE = ProgramSource({"program.py": _RUNNER.encode()}, "program.py")
_METADATA = ProgramMetadata(
    "qruntime-circuit-runner", "Runs circuits for a script that is not a program."
)


class RemoteBackend(ProgramBackend):
    """A backend of a server. Each ``run`` is a job there: for a loop, upload a program.

    Its configuration, calibration and options are the server's at the time when it was asked for.
    """

    def __init__(self, connection: HttpConnection, document: BackendDocument) -> None:
        self._connection = connection
        self._changed: dict[str, Any] = {}
        self._runner_id: str | None = None
        properties = document.properties
        self._properties = None if properties is None else properties_from(_decoded(properties))
        self._status = document.status
        super().__init__(configuration_from(_decoded(document.configuration)))
        self._options = Options(**_decoded(document.options))

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def properties(self) -> Any:
        """Return the calibration, or None if the backend has none."""
        return self._properties

    def status(self) -> BackendStatus:
        """Return the status that the server gave."""
        return BackendStatus(**self._status)

    def run(self, circuits: Any, timeout: float | None = None, **run_config: Any) -> FinishedJob:
        """Run circuits on the server and return the job when it has finished.

        Raises:
            ExecutionTimeoutError: it took longer than ``timeout`` seconds; the job was cancelled.
            JobFailedError: the server's backend refused or failed; the message has its reason.
        """
        if not isinstance(circuits, QuantumCircuit | str | list | tuple):
            raise InvalidInputError(
                f"circuits must be a circuit or a list of circuits, not {type(circuits).__name__}"
            )
        inputs = {"circuits": circuits, "run_config": {**self._changed, **run_config}}
        job = self._submit(wire.encode(inputs, root="run"))
        try:
            result = RuntimeJob(self._connection, job).result(timeout, ResultDecoder)
        except JobTimeoutError as error:
            self._connection.cancel(job)
            raise ExecutionTimeoutError(
                f"the circuits did not finish within the timeout of {timeout:g} s; the job on the "
                "server was cancelled"
            ) from error
        assert isinstance(result, Result)
        return FinishedJob(self, result, job_id=job)

    def set_options(self, **fields: Any) -> None:
        """Set option fields for the runs to come; either all of them are set or none."""
        super().set_options(**fields)
        self._changed.update(fields)

    def _submit(self, inputs: str) -> str:
        options = JobOptions(str(self.name))
        try:
            return self._connection.submit(self._runner(), inputs, options).job_id
        except ProgramNotFoundError:
            self._runner_id = None
            return self._connection.submit(self._runner(), inputs, options).job_id

    def _runner(self) -> str:
        """Return the id of the program that runs circuits; upload it where it is missing."""
        if self._runner_id is None:
            try:
                program = self._connection.upload_program(_SOURCE, _METADATA)
                self._runner_id = program.program_id
            except DuplicateProgramError:
                self._runner_id = _METADATA.name
        return self._runner_id


def _decoded(value: dict[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = wire.decode(json.dumps(value))
    return decoded
