# SPDX-License-Identifier: Apache-2.0
"""``ProgramBackend``: the class through which a program reaches a backend."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target

from qruntime.errors import UnknownOptionError, nearest
from qruntime.program.faces import CallableFace, CallableName, NoProvider
from qruntime.program.models import BackendStatus
from qruntime.program.provider import Provider
from qruntime.program.target import target_from


class BackendV1(BackendV2):
    """The interface of version 1 on top of Qiskit's version 2.

    Qiskit 2.0 removed its ``BackendV1``. This one is what old programs and devices import: it has
    their methods (``configuration()``, ``properties()``, ``name()``, ``status()``), and because it
    is a ``BackendV2`` with a target, everything in Qiskit 2 that takes a backend takes it.

    ``configuration`` is a ``BackendConfiguration`` or any object with its attributes; ``fields``
    override default options, and one that is not an option raises ``AttributeError``. ``target``
    is built from configuration and properties unless given.
    """

    version = 1

    def __init__(
        self,
        configuration: Any,
        provider: Any = None,
        *,
        target: Target | None = None,
        **fields: Any,
    ) -> None:
        self._configuration = configuration
        self._name: str | None = None
        self._target = target
        super().__init__(
            provider=provider,
            name=None,  # the configuration's, which may change, until somebody sets one
            description=getattr(configuration, "description", None),
            online_date=getattr(configuration, "online_date", None),
            backend_version=getattr(configuration, "backend_version", None),
        )
        # An author may hand out one object to all instances.
        self._options: Options = copy.copy(self.options)
        if fields:
            self.set_options(**fields)

    @classmethod
    @abstractmethod
    def _default_options(cls) -> Options:
        """Return the options of the backend with their default values."""

    @abstractmethod
    def run(self, circuits: Any, **run_config: Any) -> Any:
        """Run circuits on the backend and return the job; ``run_config`` overrides ``options``."""

    def configuration(self) -> Any:
        """Return the backend configuration: the object that the constructor was given."""
        return self._configuration

    def properties(self) -> Any:
        """Return the backend properties, or None if the backend has none."""
        return None

    def defaults(self) -> Any:
        """Return the pulse defaults: None, for Qiskit 2 has no pulse."""
        return None

    def status(self) -> BackendStatus:
        """Return the backend status."""
        return BackendStatus(
            backend_name=str(self.name),
            backend_version="1",
            operational=True,
            pending_jobs=0,
            status_msg="",
        )

    @property
    def name(self) -> CallableName:
        """The backend name; calling it gives the same text, as old programs do."""
        return CallableName(self._name or self._configuration.backend_name)

    @name.setter
    def name(self, value: str | None) -> None:
        self._name = None if value is None else str(value)

    @property
    def provider(self) -> Any:
        """The provider; calling it gives the provider too, or None if there is none."""
        if self._provider is None:
            return NoProvider()
        if isinstance(self._provider, Provider):
            return self._provider
        return CallableFace(self._provider)

    @property
    def target(self) -> Target:
        """The target for Qiskit's transpiler."""
        if self._target is None:
            self._target = target_from(self.configuration(), self.properties())
        return self._target

    @property
    def max_circuits(self) -> int | None:
        """The largest number of circuits in one run, or None if there is no limit."""
        return getattr(self.configuration(), "max_experiments", None)

    @property
    def dtm(self) -> float:
        """The time step of the output signal, in seconds."""
        dtm = getattr(self.configuration(), "dtm", None)
        if dtm is None:
            raise NotImplementedError(f"backend '{self.name}' does not state dtm")
        return float(dtm)

    @property
    def meas_map(self) -> list[list[int]]:
        """The groups of qubits that are measured together."""
        meas_map = getattr(self.configuration(), "meas_map", None)
        if meas_map is None:
            raise NotImplementedError(f"backend '{self.name}' does not state meas_map")
        return [list(group) for group in meas_map]

    def set_options(self, **fields: Any) -> None:
        """Set option fields; either all of them are set or, on an error, none.

        Raises:
            UnknownOptionError (an AttributeError): a field is not an option of the backend.
            ValueError, TypeError: a value that the option's validator refuses.
        """
        self._check_fields(fields)
        self._options.update_options(**fields)

    def _check_fields(self, fields: Iterable[str]) -> None:
        for field in fields:
            if field not in self._options:
                raise UnknownOptionError(
                    f"Options field {field} is not valid for this backend"
                    f"{nearest(field, self._options)}"
                )

    def __str__(self) -> str:
        return str(self.name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}('{self.name}')>"


class ProgramBackend(BackendV1, ABC):
    """The ``Backend`` class through which runtime programs submit circuits.

    A device author writes ``_default_options`` and ``run``; everything else follows from the
    configuration. The reference is ``qiskit.providers.ibmq.runtime.ProgramBackend`` of the
    IBM Quantum provider; what differs is said in the page "ProgramBackend" of the documentation.
    """

    @abstractmethod
    def run(self, circuits: Any, timeout: float | None = None, **run_config: Any) -> Any:
        """Run circuits and return a job that has finished.

        ``circuits`` is a circuit or a list of circuits. ``timeout`` is the number of seconds to
        wait for the results; after it, none are available. ``run_config`` overrides ``options``
        for this call.
        """
