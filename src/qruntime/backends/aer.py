# SPDX-License-Identifier: Apache-2.0
"""``AerBackend``: Qiskit Aer's simulators behind ``ProgramBackend``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from operator import is_
from typing import Any, Self

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.result import Result
from qiskit.transpiler import CouplingMap, Target

from qruntime.backends.aer_options import aer_checks, aer_defaults, reach_of
from qruntime.backends.aer_process import run_with_timeout
from qruntime.backends.aer_runs import Plan, aer_version, run
from qruntime.backends.circuits import (
    active_qubits,
    check_instructions,
    check_on_device,
    instruction_names,
    read_circuits,
    read_works,
)
from qruntime.backends.describe import configuration_of, properties_of
from qruntime.backends.noise import noise_model_from
from qruntime.backends.options import RECORDED, check_known, checked, given, timeout_or_none
from qruntime.backends.transpiling import Transpiling
from qruntime.errors import InvalidCircuitError
from qruntime.execution.checks import MAX_SHOTS
from qruntime.execution.primitives import Estimator, Sampler
from qruntime.execution.template import Template
from qruntime.program.backend import ProgramBackend
from qruntime.program.job import FinishedJob
from qruntime.program.models import configuration_from

_RESHAPING = ("method", "noise_model", "device")
_PLAIN = frozenset({bool, int, float, str, type(None)})


class AerBackend(Transpiling, ProgramBackend):
    """A simulator of Qiskit Aer with all its methods, noise models and options.

    ``AerBackend()`` chooses the method by the circuit; ``AerBackend(method="stabilizer")`` fixes
    it. ``AerBackend.from_device(device)`` simulates a device with its noise. ``fields`` override
    default options.

    Raises:
        UnknownOptionError (an AttributeError): a field is not an option.
        InvalidInputError: an option's value is out of range.
    """

    def __init__(
        self,
        configuration: Any = None,
        provider: Any = None,
        *,
        properties: Any = None,
        target: Target | None = None,
        **fields: Any,
    ) -> None:
        self._device_configuration = configuration
        self._device_properties = properties
        self._device_target = target
        self._last_plan: _Planned | None = None
        self._reshape(aer_defaults())
        super().__init__(self._configuration, provider, target=target, **fields)

    @classmethod
    def from_device(cls, device: BackendV2, *, name: str | None = None, **fields: Any) -> Self:
        """Return a simulator of a device: its qubits, gates, couplings, calibration and noise.

        ``device`` is any Qiskit backend. ``name`` is the new backend's name, by default
        ``aer_simulator_from(<device>)``.
        """
        configuration = copy.deepcopy(configuration_of(device))
        configuration.backend_name = name or f"aer_simulator_from({device.name})"
        configuration.simulator = True
        configuration.local = True
        configuration.conditional = True
        configuration.memory = True
        configuration.max_shots = MAX_SHOTS
        if "noise_model" not in fields:
            fields["noise_model"] = noise_model_from(device)
        return cls(
            configuration,
            None,
            properties=properties_of(device),
            target=device.target,
            **fields,
        )

    @classmethod
    def _default_options(cls) -> Options:
        return Options(**aer_defaults())

    def properties(self) -> Any:
        """Return the calibration of the device that is simulated, or None without one."""
        return self._device_properties

    def set_options(self, **fields: Any) -> None:
        """Set option fields; either all of them are set or, on an error, none."""
        self._check_fields(fields)
        options = checked(fields, aer_checks())
        if any(name in options for name in _RESHAPING):
            self._reshape({**dict(self._options), **options})
            self._target = self._device_target
            self._coupling_map: CouplingMap | None = None
        self._options.update_options(**options)

    def _reshape(self, options: Mapping[str, Any]) -> None:
        """Follow the options that change what the simulator is: its gates, width and name."""
        from qiskit_aer import AerSimulator

        chosen = {name: options[name] for name in _RESHAPING if options[name] is not None}
        self._simulator = AerSimulator(**chosen)
        self._configuration: Any = self._device_configuration
        if self._configuration is None:
            self._configuration = configuration_from(self._simulator.configuration())

    @property
    def target(self) -> Target:
        """The target for Qiskit's transpiler: the device's, or Aer's own, built once."""
        if self._target is None and self._device_configuration is None:
            self._target = self._simulator.target
        return super().target

    def run(
        self,
        circuits: Any = None,
        timeout: float | None = None,
        *,
        run_input: Any = None,
        parameter_binds: Any = None,
        **run_config: Any,
    ) -> FinishedJob:
        """Simulate circuits and return a job that has finished.

        ``circuits`` (or ``run_input``) is a ``QuantumCircuit``, OpenQASM 2 or 3 text, or a list of
        them. After ``timeout`` seconds the computation is stopped; the time that the first timed
        run takes to start its process does not count. ``parameter_binds`` is in either dialect:
        single values (circuits x binds) or lists (one dict a circuit). ``run_config`` overrides
        ``options``.

        Each circuit goes to the fastest tier that takes it, by the same rule as in ``compile``:
        the circuit and the options decide, and ``tier`` pins one. What only Aer can do goes to
        ``AerSimulator.run`` itself, which the tier ``native`` beats for templates alone. What was
        compiled for a circuit serves all that differ from it in the numbers of their gates.

        With ``seed_simulator``, a run gives the same counts each time on the same tier. On the
        tiers ``native`` and ``aer`` these are the counts of ``AerSimulator.run`` on the whole list,
        bit for bit; ``kernel`` and ``clifford`` agree with it in distribution only. The metadata of
        each experiment names its tier.

        Raises:
            InvalidInputError: circuits or options that cannot be run as given; nothing was run.
            UnsupportedOptionError: the pinned tier does not take a circuit; the message says why.
            ExecutionError: the simulation failed, for lack of memory for one.
            ExecutionTimeoutError: it took longer than ``timeout``.
        """
        options, plan = self._planned(run_config)
        seconds = timeout_or_none(timeout)
        read = read_circuits(circuits, run_input)
        self._check_circuits(read, options["method"])
        works = read_works(read, parameter_binds)
        result = run(works, plan) if seconds is None else run_with_timeout(works, plan, seconds)
        result.backend_name = str(self.name)
        experiments = sum(map(len, works))
        job = FinishedJob(
            self,
            _finish(result, recorded=_recorded(options)),
            circuits=experiments,
            shots=experiments * options["shots"],
        )
        result.job_id = result.job_id or job.job_id()
        return job

    def compile(self, circuits: Any, *, tier: str | None = None, **options: Any) -> Template:
        """Compile circuits once, to run them for many values of their parameters.

        ``circuits`` is as in ``run``, with free parameters; ``options`` are run options. Each
        circuit goes to the fastest tier that takes it: ``kernel``, a compiled statevector for
        noiseless circuits that are measured at their end (it needs Numba, whose first use on a
        machine compiles for half a minute); ``clifford``, stim, for other Clifford circuits without
        parameters where it gains by it; ``native``, Aer's controller with the circuit assembled
        once, whose counts are Aer's own for a seed; ``aer``, ``AerSimulator.run``. ``tier`` pins
        one, in place of the option of that name.

        Raises:
            InvalidInputError: circuits or options that cannot be run as given.
            UnsupportedOptionError: the pinned tier does not take a circuit; the message says why.
        """
        chosen = self._options_with(options)
        read = read_circuits(circuits)
        self._check_circuits(read, chosen["method"])
        single = isinstance(circuits, QuantumCircuit | str)
        return Template(
            self,
            read,
            _for_aer(chosen),
            single=single,
            tier=chosen["tier"] if tier is None else tier,
            finish=partial(_finish, recorded=_recorded(chosen)),
        )

    def sampler(self, **options: Any) -> Sampler:
        """Return a ``BaseSamplerV2`` on this backend.

        ``options`` are run options: the default ``shots``, ``seed_simulator``, a noise model...
        Those and the backend's own are taken as they are now: a noise model that is changed later
        may not be seen.
        """
        return Sampler(self.configured(**options))

    def estimator(self, *, statistics: str = "normal", **options: Any) -> Estimator:
        """Return a ``BaseEstimatorV2`` on this backend. ``options`` are run options.

        ``statistics`` is what a ``precision`` means where states are computed without noise:
        ``normal``, exact values plus normal noise of that size; ``shots``, estimates from shots.
        Options are taken as they are now, as by ``sampler``.
        """
        return Estimator(self.configured(**options), statistics)

    def configured(self, **options: Any) -> Self:
        """Return a backend like this one whose options are these and otherwise this one's."""
        made = copy.copy(self)
        made._options = copy.copy(self._options)
        made.set_options(**options)
        return made

    def _options_with(self, run_config: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options of a run, checked, those set on ``options`` directly included."""
        defaults = aer_defaults()
        asked = {**dict(self._options), **given(run_config, defaults)}
        check_known(asked, defaults, backend=str(self.name))
        return {**defaults, **checked(given(asked, defaults), aer_checks())}

    def _planned(self, run_config: Mapping[str, Any]) -> tuple[dict[str, Any], Plan]:
        """Return all options of a run and what follows; the last ones need no second check."""
        now = dict(self._options.items())
        kept = self._last_plan
        if kept is not None and _equal(kept.asked, run_config) and _same(kept.set, now):
            return kept.options, kept.plan
        options = self._options_with(run_config)
        plan = Plan.of(_for_aer(options), options["tier"])
        if all(type(value) in _PLAIN for value in (*now.values(), *run_config.values())):
            self._last_plan = _Planned(dict(run_config), now, options, plan)
        return options, plan

    def _check_circuits(self, circuits: list[QuantumCircuit], method: str) -> None:
        reach = reach_of(method)
        if self._device_configuration is not None:
            known = frozenset(self._configuration.basis_gates) | reach.custom
            check_instructions(circuits, known, backend=str(self.name))
            check_on_device(circuits, self.target, backend=str(self.name))
            return
        check_instructions(circuits, reach.instructions, backend=str(self.name))
        for index, circuit in enumerate(circuits):
            width = active_qubits(circuit) if circuit.num_qubits > reach.qubits else 0
            limit = _limit(circuit, method) if width > reach.qubits else width
            if width > limit:
                raise InvalidCircuitError(
                    f"circuit {index} ('{circuit.name}') uses {width} qubits; '{self.name}' "
                    f"simulates at most {limit} with these gates and method='{method}'; wider "
                    "ones: method='matrix_product_state', or 'stabilizer' for Clifford gates",
                    index=index,
                )


def _recorded(options: Mapping[str, Any]) -> dict[str, Any]:
    defaults = aer_defaults()
    return {key: options[key] for key in RECORDED if options[key] != defaults[key]}


def _finish(result: Result, *, recorded: Mapping[str, Any]) -> Result:
    if recorded:
        result._metadata.setdefault("metadata", {})["recorded_options"] = dict(recorded)
    result.backend_version = result.backend_version or aer_version()
    return result


def _for_aer(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in options.items()
        if value is not None and key not in RECORDED and key not in {"meas_level", "tier"}
    }


@dataclass(frozen=True, slots=True)
class _Planned:
    """What the run options were, ``asked`` with the run and ``set`` before, and what came of it."""

    asked: dict[str, Any]
    set: dict[str, Any]
    options: dict[str, Any]
    plan: Plan


def _equal(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether equal values of the same types stand under the same names."""
    if first.keys() != second.keys():
        return False
    return all(type(second[key]) is type(first[key]) for key in first) and first == second


def _same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether the very same values stand under the same names."""
    return first.keys() == second.keys() and all(map(is_, first.values(), second.values()))


def _limit(circuit: QuantumCircuit, method: str) -> int:
    stabilizer = reach_of("stabilizer")
    if method == "automatic" and instruction_names(circuit) <= stabilizer.instructions:
        return stabilizer.qubits
    return reach_of(method).qubits
