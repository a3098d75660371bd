# SPDX-License-Identifier: Apache-2.0
"""``ProviderBackend``: any Qiskit backend, queue and all, behind ``ProgramBackend``."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.result import Result
from qiskit.transpiler import Target

from qruntime.backends.circuits import (
    bind_parameters,
    check_instructions,
    check_on_device,
    read_circuits,
)
from qruntime.backends.describe import configuration_of, properties_of
from qruntime.backends.options import (
    RECORDED,
    SIMULATOR_CHECKS,
    SIMULATOR_DEFAULTS,
    check_known,
    checked,
    given,
    integer,
    timeout_or_none,
)
from qruntime.backends.provider_jobs import (
    cancel_unless_final,
    provider_errors,
    successful,
    wait_until_final,
)
from qruntime.backends.transpiling import Transpiling
from qruntime.errors import InvalidInputError, UnsupportedOptionError
from qruntime.program.backend import ProgramBackend
from qruntime.program.job import FinishedJob

_PLUGIN_HOOKS = ("get_translation_stage_plugin", "get_scheduling_stage_plugin")
_NOT_ON_TARGETS = frozenset({"barrier", "store"})


class ProviderBackend(Transpiling, ProgramBackend):
    """A backend of any provider: its configuration, calibration and target; its queue waited for.

    ``run`` submits, waits, and returns the finished job. A run that is interrupted or times out
    cancels the provider's job; whether a computation that has begun then stops is up to the
    provider (``AerBackend.from_device`` stops it always). ``fields`` override default options.

    Raises:
        UnknownOptionError (an AttributeError): a field is not an option of the backend.
        InvalidInputError: ``backend`` is not a Qiskit backend.
    """

    def __init__(self, backend: BackendV2, *, name: str | None = None, **fields: Any) -> None:
        configuration = configuration_of(backend)
        if name is not None:
            configuration = copy.deepcopy(configuration)
            configuration.backend_name = name
        self._backend = backend
        super().__init__(configuration, _provider_of(backend), target=backend.target)
        self._options = _options_of(backend)
        self._initial = dict(self._options)
        self._changed: set[str] = set()
        self.set_options(**fields)
        for hook in _PLUGIN_HOOKS:
            if hasattr(backend, hook):
                setattr(self, hook, getattr(backend, hook))

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1024, **SIMULATOR_DEFAULTS)

    def properties(self) -> Any:
        """Return the device's properties, read anew, or None if it has none."""
        return properties_of(self._backend)

    def status(self) -> Any:
        """Return the device's own status where it has one."""
        own = getattr(self._backend, "status", None)
        return own() if callable(own) else super().status()

    @property
    def target(self) -> Target:
        """The device's target."""
        return self._backend.target

    def set_options(self, **fields: Any) -> None:
        """Set option fields; either all of them are set or, on an error, none."""
        self._check_fields(fields)
        self._options.update_options(**self._checked(fields))
        self._changed.update(fields)

    def run(
        self,
        circuits: Any = None,
        timeout: float | None = None,
        *,
        run_input: Any = None,
        parameter_binds: Any = None,
        **run_config: Any,
    ) -> FinishedJob:
        """Submit circuits, wait for the results and return a job that has finished.

        The arguments are those of ``AerBackend.run``; ``timeout`` counts from the submission, the
        provider's queue included.

        Raises:
            InvalidInputError: circuits or options that cannot be run as given; nothing was run.
            ExecutionError: the provider refused the job, or it failed or was cancelled there.
            ExecutionTimeoutError: it took longer than ``timeout``; the job was cancelled.
        """
        asked = {**self._set_so_far(), **given(run_config, self._initial)}
        check_known(asked, self._initial, backend=str(self.name))
        fields = self._checked(given(asked, self._initial))
        options = {**self._initial, **fields}
        seconds = timeout_or_none(timeout)
        read = read_circuits(circuits, run_input)
        self._check_circuits(read)
        bound = bind_parameters(read, parameter_binds)
        self._check_count(len(bound))
        result, job_id = self._execute(bound, self._passed(fields), seconds)
        return FinishedJob(
            self,
            self._finished(result, options),
            job_id=job_id,
            circuits=len(bound),
            shots=len(bound) * int(options.get("shots") or 0),
        )

    def _execute(
        self, circuits: list[QuantumCircuit], options: Mapping[str, Any], seconds: float | None
    ) -> tuple[Result, str]:
        """Submit checked circuits with the provider's own options; return result and job id."""
        with provider_errors():
            deadline = None if seconds is None else time.monotonic() + seconds
            job = self._backend.run(circuits, **options)
            return _wait(job, deadline, seconds), str(job.job_id())

    def check(self, circuits: list[QuantumCircuit], options: Mapping[str, Any]) -> dict[str, Any]:
        """Check bound circuits, and options of the provider; return the options as it takes them.

        Raises:
            InvalidInputError: it cannot run that.
        """
        check_known(options, self._backend.options, backend=str(self.name))
        fields = self._passed(self._checked(options))
        self._check_circuits(circuits)
        self._check_count(len(bind_parameters(circuits, None)))
        return fields

    def _checked(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        own = self._backend.options
        checks = {name: check for name, check in SIMULATOR_CHECKS.items() if name not in own}
        if "shots" not in own.validator:
            checks["shots"] = integer(1, getattr(self._configuration, "max_shots", None))
        fields = checked(fields, checks)
        _validate_with(own, fields)
        lost = "rep_delay" not in own and not self._configuration.simulator
        if lost and fields.get("rep_delay") is not None:
            raise UnsupportedOptionError(
                f"option 'rep_delay' cannot be honoured: '{self.name}' does not have it"
            )
        return fields

    def _set_so_far(self) -> dict[str, Any]:
        """Return the options that were set, through ``set_options`` or on ``options`` directly."""
        unset = object()
        return {
            name: value
            for name, value in self._options.items()
            if name in self._changed or value is not self._initial.get(name, unset)
        }

    def _passed(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the provider is told: what was asked for, never its own defaults.

        A simulated device keeps its noise model as a default; passing a copy of an option's old
        value on would replace it.
        """
        own = self._backend.options
        return {name: value for name, value in fields.items() if name in own}

    def _check_circuits(self, circuits: list[QuantumCircuit]) -> None:
        custom = getattr(self._configuration, "custom_instructions", None) or ()
        known = _NOT_ON_TARGETS.union(self.target.operation_names, custom)
        check_instructions(circuits, known, backend=str(self.name))
        check_on_device(circuits, self.target, backend=str(self.name))

    def _check_count(self, count: int) -> None:
        limit = self.max_circuits
        if limit is not None and count > limit:
            raise InvalidInputError(
                f"{count} circuits in one run; '{self.name}' takes at most {limit}"
            )

    def _finished(self, result: Result, options: Mapping[str, Any]) -> Result:
        result.backend_name = str(self.name)
        recorded = {
            name: options[name]
            for name in RECORDED
            if name not in self._backend.options and options[name] != SIMULATOR_DEFAULTS[name]
        }
        if recorded:
            result._metadata.setdefault("metadata", {})["recorded_options"] = recorded
        return result


def _provider_of(backend: BackendV2) -> Any:
    provider = backend.provider
    return provider() if isinstance(backend, ProgramBackend) else provider


def _options_of(backend: BackendV2) -> Options:
    carried = {
        name: value for name, value in SIMULATOR_DEFAULTS.items() if name not in backend.options
    }
    options = copy.copy(backend.options)
    options.update_options(**carried)
    return options


def _validate_with(options: Options, fields: Mapping[str, Any]) -> None:
    """Let the provider's validators look at the values that it will be given."""
    trial = copy.copy(options)
    try:
        trial.update_options(**{name: value for name, value in fields.items() if name in options})
    except (ValueError, TypeError) as error:
        raise InvalidInputError(str(error)) from error


def _wait(job: Any, deadline: float | None, timeout: float | None) -> Result:
    try:
        if deadline is not None:
            wait_until_final(job, deadline, timeout)
        result: Result = job.result()
    except BaseException:
        cancel_unless_final(job)
        raise
    return successful(result, job)
