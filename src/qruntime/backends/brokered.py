# SPDX-License-Identifier: Apache-2.0
"""``BrokeredBackend``: a backend whose credentials stay outside the worker, asked over its channel.

Both ends of the conversation are here: what a backend says of itself, a request, and an answer, all
encoded by ``wire``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.result import Result
from qiskit.transpiler import Target

from qruntime import wire
from qruntime.backends.options import timeout_or_none
from qruntime.backends.provider import ProviderBackend
from qruntime.errors import (
    ExecutionError,
    ExecutionTimeoutError,
    InvalidCircuitError,
    InvalidInputError,
    NotSerializableError,
    QRuntimeError,
    UndecodableError,
    UnknownOptionError,
    UnsupportedOptionError,
)
from qruntime.program.models import BackendStatus, configuration_from, properties_from
from qruntime.program.target import target_from

Ask = Callable[[str], str]
"""Sends a request to the broker and returns its answer."""

MAX_REQUEST_BYTES = 1 << 28
"""What a request may unpack to."""

MAX_ANSWER_CHARACTERS = 1 << 26

_ERRORS: Mapping[str, type[QRuntimeError]] = {
    kind.code: kind
    for kind in (
        ExecutionError,
        ExecutionTimeoutError,
        InvalidCircuitError,
        InvalidInputError,
        NotSerializableError,
        UndecodableError,
        UnknownOptionError,
        UnsupportedOptionError,
    )
}


class BrokeredBackend(ProviderBackend):
    """A backend as a broker has described it: the same contract, the circuits run elsewhere.

    ``description`` is what ``described`` gave; it holds no credentials. Circuits and options are
    checked here as any provider's are; ``ask`` then carries them to the broker. A run that is
    interrupted or times out cancels the provider's job.
    """

    def __init__(self, description: str, ask: Ask) -> None:
        super().__init__(_Described(wire.decode(description)))
        self._ask = ask

    def _execute(
        self, circuits: list[QuantumCircuit], options: Mapping[str, Any], seconds: float | None
    ) -> tuple[Result, str]:
        return read_answer(self._ask(write_request(circuits, options, seconds)))


def described(backend: ProviderBackend) -> str:
    """Return what a worker may know of a backend: all that ``BrokeredBackend`` shows."""
    properties = backend.properties()
    own = backend._backend.options
    return wire.encode(
        {
            "configuration": configuration_from(backend.configuration()).to_dict(),
            "properties": None if properties is None else properties.to_dict(),
            "status": backend.status().to_dict(),
            "options": dict(own.items()),
        },
        root=f"backend '{backend.name}'",
    )


class _Described(BackendV2):
    """A backend that can only be looked at."""

    def __init__(self, held: dict[str, Any]) -> None:
        self._configuration = configuration_from(held["configuration"])
        properties = held["properties"]
        self._properties = None if properties is None else properties_from(properties)
        self._status = BackendStatus(**held["status"])
        self._target = target_from(self._configuration, self._properties)
        super().__init__(
            name=self._configuration.backend_name,
            description=getattr(self._configuration, "description", None),
            backend_version=self._configuration.backend_version,
        )
        self._options = Options(**held["options"])

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def configuration(self) -> Any:
        return self._configuration

    def properties(self) -> Any:
        return self._properties

    def status(self) -> BackendStatus:
        return self._status

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> int | None:
        return getattr(self._configuration, "max_experiments", None)

    def run(self, run_input: Any, **options: Any) -> Any:  # noqa: ARG002  the base class's
        raise ExecutionError(f"'{self.name}' runs circuits only through its broker")


@dataclass(frozen=True, slots=True)
class Request:
    """Circuits to run, with the provider's own options; ``timeout`` is in seconds."""

    circuits: list[QuantumCircuit]
    options: dict[str, Any]
    timeout: float | None


def write_request(
    circuits: list[QuantumCircuit], options: Mapping[str, Any], timeout: float | None
) -> str:
    """Return a request as text."""
    held = {"circuits": circuits, "options": dict(options), "timeout": timeout}
    return wire.encode(held, root="run")


def read_request(text: str) -> Request:
    """Return the request of a text.

    Qiskit's reader of circuits can be made to allocate without bound: for a text of a stranger,
    see that another process has read it first.

    Raises:
        InvalidInputError: it is not a request.
    """
    held = wire.decode(text, max_bytes=MAX_REQUEST_BYTES)
    if not isinstance(held, dict) or held.keys() != {"circuits", "options", "timeout"}:
        raise UndecodableError("a run is asked for with circuits, options and timeout")
    circuits, options = held["circuits"], held["options"]
    if (
        not isinstance(circuits, list)
        or not circuits
        or not all(isinstance(circuit, QuantumCircuit) for circuit in circuits)
        or not isinstance(options, dict)
    ):
        raise UndecodableError("a run is asked for with a list of circuits and a dict of options")
    return Request(circuits, options, timeout_or_none(held["timeout"]))


def write_answer(result: Result, provider_job_id: str) -> str:
    """Return a result as text.

    Raises:
        ExecutionError: it is too large to be sent.
    """
    text = json.dumps({"job_id": provider_job_id, "result": wire.encode(result, root="result")})
    if len(text) > MAX_ANSWER_CHARACTERS:
        raise ExecutionError(
            f"the provider's job {provider_job_id} is done, but its result is larger than "
            f"{MAX_ANSWER_CHARACTERS} characters"
        )
    return text


def write_refusal(error: QRuntimeError) -> str:
    """Return an error as text."""
    index = getattr(error, "index", None)
    return json.dumps({"error": error.code, "message": error.message, "index": index})


def read_answer(text: str) -> tuple[Result, str]:
    """Return the result and the provider's job id of an answer, or raise the error that it is."""
    held = json.loads(text)
    if "error" not in held:
        return wire.decode(held["result"]), held["job_id"]
    kind = _ERRORS.get(held["error"], ExecutionError)
    if kind is InvalidCircuitError:
        raise InvalidCircuitError(held["message"], index=held["index"])
    raise kind(held["message"])
