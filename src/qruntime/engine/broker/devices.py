# SPDX-License-Identifier: Apache-2.0
"""``Device``: a backend with credentials, as the broker submits to it and looks its jobs up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2

from qruntime.backends.brokered import described
from qruntime.backends.provider import ProviderBackend
from qruntime.backends.provider_jobs import provider_errors, status_name
from qruntime.core.provider_jobs import ProviderJob, ProviderJobState
from qruntime.errors import ExecutionError, InvalidInputError, MissingDependencyError

Value = TypeVar("Value")
Pause = Callable[[float], object]

_logger = logging.getLogger(__name__)
BROKERED_GROUP = "qruntime.brokered_backends"
TRANSIENT = (ConnectionError, TimeoutError)
"""What a provider's library raises when the same request may work later."""

_TRIES = 4
_FIRST_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 60.0
_STATES = {
    "DONE": ProviderJobState.DONE,
    "ERROR": ProviderJobState.FAILED,
    "CANCELLED": ProviderJobState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a submission: a provider's job, or the error and what is known."""

    job: Any = None
    state: ProviderJobState = ProviderJobState.SUBMITTED
    error: ExecutionError | None = None


class Device:
    """A backend of a provider, made at its first use and kept.

    ``make`` gives a Qiskit backend that holds its own credentials. Three things that the backend
    may have are used: ``run(..., client_token=)`` together with ``job_by_token(token)``, which
    gives the job of a token or None; ``retrieve_job(job_id)``; ``retry_safe``, which says that
    running circuits twice does no harm.
    """

    def __init__(self, name: str, make: Callable[[], BackendV2]) -> None:
        self.name = name
        self._make = make
        self._making = threading.Lock()
        self._held: ProviderBackend | None = None

    @property
    def held(self) -> ProviderBackend:
        """The backend behind our contract.

        Raises:
            ExecutionError: it cannot be made now.
        """
        with self._making:
            if self._held is None:
                with provider_errors():
                    self._held = ProviderBackend(self._make(), name=self.name)
            return self._held

    @property
    def _backend(self) -> Any:
        return self.held._backend

    @property
    def retry_safe(self) -> bool:
        """Whether a job that has run circuits here may be started again."""
        try:
            return bool(getattr(self._backend, "retry_safe", False))
        except ExecutionError:
            return False

    @property
    def takes_tokens(self) -> bool:
        """Whether a job can be found by the token that it was submitted with."""
        return hasattr(self._backend, "job_by_token")

    def describe(self) -> str:
        """Return what a worker may know of it.

        Raises:
            ExecutionError: the provider cannot be asked.
        """
        with provider_errors():
            return described(self.held)

    def check(self, circuits: list[QuantumCircuit], options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options as the provider takes them; see ``ProviderBackend.check``."""
        return self.held.check(circuits, options)

    def submit(
        self, circuits: list[QuantumCircuit], options: Mapping[str, Any], token: str, pause: Pause
    ) -> Submission:
        """Submit once: again only after the provider has said that it does not have the token."""
        if not self.takes_tokens:
            return self._submit_blind(circuits, options)
        last: Exception | None = None
        for number in range(_TRIES):
            try:
                return Submission(self._backend.run(circuits, client_token=token, **options))
            except Exception as error:  # noqa: BLE001  a library may raise anything, at any time
                last = error
            looked = self._look(token, last, pause)
            if looked is not None:
                return looked
            if not isinstance(last, TRANSIENT):
                break
            pause(_FIRST_PAUSE_SECONDS * 2.0**number)
        on_its_way = isinstance(last, TRANSIENT)  # what has not arrived yet may arrive later
        state = ProviderJobState.UNKNOWN if on_its_way else ProviderJobState.NOT_SUBMITTED
        return Submission(None, state, _failed(last, "did not take the job"))

    def _submit_blind(
        self, circuits: list[QuantumCircuit], options: Mapping[str, Any]
    ) -> Submission:
        """Submit where nothing can be looked up: a connection that broke leaves the fate open."""
        try:
            return Submission(self._backend.run(circuits, **options))
        except OSError as error:
            failed = _failed(error, "may or may not have the job: it is not submitted again")
            return Submission(None, ProviderJobState.UNKNOWN, failed)
        except Exception as error:  # noqa: BLE001  a library may raise anything
            failed = _failed(error, "did not take the job")
            return Submission(None, ProviderJobState.NOT_SUBMITTED, failed)

    def _look(self, token: str, error: Exception, pause: Pause) -> Submission | None:
        """Return the job of a token, or that nobody knows; None if the provider has none."""
        for number in range(_TRIES):
            pause(_FIRST_PAUSE_SECONDS * 2.0**number)
            try:
                job = self._backend.job_by_token(token)
            except Exception as again:  # noqa: BLE001  a library may raise anything
                _logger.warning("'%s' cannot be asked for a job: %s", self.name, again)
                continue
            return None if job is None else Submission(job)
        failed = _failed(error, "may or may not have the job: it is not submitted again")
        return Submission(None, ProviderJobState.UNKNOWN, failed)

    def can_find(self, entry: ProviderJob) -> bool:
        """Whether the provider can be asked for a job."""
        named = entry.provider_job_id is not None and hasattr(self._backend, "retrieve_job")
        return named or self.takes_tokens

    def find(self, entry: ProviderJob) -> Any:
        """Return a job at the provider, None if the provider says that it has none."""
        if entry.provider_job_id is not None and hasattr(self._backend, "retrieve_job"):
            return self._backend.retrieve_job(entry.provider_job_id)
        return self._backend.job_by_token(entry.token)


class PatientJob:
    """A provider's job whose questions are asked again when the connection breaks.

    ``pause`` may raise, to end the waiting.
    """

    def __init__(self, job: Any, pause: Pause) -> None:
        self._job = job
        self._pause = pause

    def job_id(self) -> str:
        """Return the provider's id."""
        return str(self._job.job_id())

    def status(self) -> Any:
        """Return the job's status."""
        return self._ask(self._job.status)

    def result(self) -> Any:
        """Return the result of a job that is done."""
        return self._ask(self._job.result)

    def error_message(self) -> str:
        """Return why the job failed, as far as the provider says."""
        told = getattr(self._job, "error_message", None)
        return "no reason was given" if told is None else str(self._ask(told))

    def cancel(self) -> Any:
        """Cancel the job."""
        return self._job.cancel()

    def _ask(self, question: Callable[[], Value]) -> Value:
        until = time.monotonic() + _PATIENCE_SECONDS
        wait = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return question()
            except TRANSIENT:
                if time.monotonic() > until:
                    raise
            self._pause(wait)
            wait = min(2 * wait, 2.0)


def fate_of(job: Any) -> ProviderJobState:
    """Return what has become of a provider's job; one that cannot be asked is as it was."""
    try:
        return _STATES.get(status_name(job), ProviderJobState.SUBMITTED)
    except Exception:  # noqa: BLE001  a library may raise anything
        return ProviderJobState.SUBMITTED


def installed_devices() -> list[Device]:
    """Return the backends of the entry point group ``qruntime.brokered_backends``.

    The entry's name is the backend's; it leads to a function without arguments that gives a Qiskit
    backend. It is called at the first use, in the server's process.
    """
    found: Iterable[EntryPoint] = entry_points(group=BROKERED_GROUP)
    return [Device(entry.name, _maker(entry)) for entry in sorted(found)]


def _maker(entry: EntryPoint) -> Callable[[], BackendV2]:
    def make() -> BackendV2:
        try:
            made = entry.load()()
        except ImportError as error:
            raise MissingDependencyError(f"backend '{entry.name}': {error}") from error
        if not isinstance(made, BackendV2):
            raise InvalidInputError(
                f"entry point '{entry.name}' of {BROKERED_GROUP} gave a {type(made).__name__}; "
                "allowed: a Qiskit backend (BackendV2)"
            )
        return made

    return make


def _failed(error: Exception | None, what: str) -> ExecutionError:
    return ExecutionError(f"the provider {what}: {type(error).__name__}: {error}")
