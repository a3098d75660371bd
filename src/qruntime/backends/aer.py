# SPDX-License-Identifier: Apache-2.0
"""``AerBackend``: Qiskit Aer's simulators behind ``ProgramBackend``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, Options
from qiskit.result import Result
from qiskit.transpiler import CouplingMap, Target

from qruntime.backends.aer_options import MAX_SHOTS, aer_checks, aer_defaults
from qruntime.backends.aer_process import run_with_timeout
from qruntime.backends.aer_simulate import simulate
from qruntime.backends.circuits import (
    active_qubits,
    bind_parameters,
    check_instructions,
    instruction_names,
    read_circuits,
)
from qruntime.backends.describe import configuration_of, properties_of
from qruntime.backends.noise import noise_model_from
from qruntime.backends.options import RECORDED, check_known, checked
from qruntime.errors import InvalidCircuitError, UnknownOptionError
from qruntime.program.backend import ProgramBackend
from qruntime.program.job import FinishedJob, with_headers
from qruntime.program.models import BackendConfiguration, configuration_from

_RESHAPING = ("method", "noise_model", "device")
_ALWAYS_KNOWN = frozenset({"barrier", "delay", "measure", "reset", "store"})


class AerBackend(ProgramBackend):
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
        options = self._checked(fields, "aer_simulator")
        self._reshape({**aer_defaults(), **options})
        super().__init__(self._configuration, provider, target=target)
        self._options.update_options(**options)

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
        options = self._checked(fields, str(self.name))
        if any(name in options for name in _RESHAPING):
            self._reshape({**dict(self._options), **options})
            self._target = self._device_target
            self._coupling_map: CouplingMap | None = None
        self._options.update_options(**options)

    @staticmethod
    def _checked(fields: Mapping[str, Any], backend: str) -> dict[str, Any]:
        for field in fields:
            if field not in aer_defaults():
                raise UnknownOptionError(f"Options field {field} is not valid for this backend")
        check_known(fields, aer_defaults(), backend=backend)
        return checked(fields, aer_checks())

    def _reshape(self, options: Mapping[str, Any]) -> None:
        """Follow the options that change what the simulator is: its gates, width and name."""
        from qiskit_aer import AerSimulator

        chosen = {name: options[name] for name in _RESHAPING if options[name] is not None}
        self._simulator = AerSimulator(**chosen)
        described = self._simulator.configuration()
        self._instructions = frozenset(described.basis_gates) | _ALWAYS_KNOWN
        if self._device_configuration is None:
            self._configuration: BackendConfiguration = configuration_from(described)
        else:
            self._configuration = self._device_configuration
            custom = frozenset(described.custom_instructions)
            self._instructions = frozenset(self._configuration.basis_gates) | custom | _ALWAYS_KNOWN

    @property
    def target(self) -> Target:
        """The target for Qiskit's transpiler. Aer builds its own anew at each look; this one once."""
        if self._target is None:
            self._target = self._simulator.target
        return self._target

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
        them. After ``timeout`` seconds the computation is stopped; the time that the first timed run
        takes to start its process does not count. ``parameter_binds`` is in either dialect: single
        values (circuits x binds) or lists (one dict a circuit). ``run_config`` overrides ``options``.

        Raises:
            InvalidInputError: circuits or options that cannot be run as given; nothing was run.
            ExecutionError: the simulation failed, for lack of memory for one.
            ExecutionTimeoutError: it took longer than ``timeout``.
        """
        name = str(self.name)
        check_known(run_config, self._options, backend=name)
        options = {**dict(self._options), **checked(run_config, aer_checks())}
        bound = bind_parameters(read_circuits(circuits, run_input), parameter_binds)
        self._check_circuits(bound, options)
        aer_options = {
            key: value
            for key, value in options.items()
            if value is not None and key not in RECORDED and key != "meas_level"
        }
        if timeout is None:
            result = simulate(bound, aer_options)
        else:
            result = run_with_timeout(bound, aer_options, timeout)
        return FinishedJob(
            self,
            self._finished(result, options),
            circuits=len(bound),
            shots=len(bound) * options["shots"],
        )

    def _check_circuits(self, circuits: list[QuantumCircuit], options: Mapping[str, Any]) -> None:
        check_instructions(circuits, self._instructions, backend=str(self.name))
        for index, circuit in enumerate(circuits):
            if self._device_configuration is not None:
                self._check_on_device(circuit, index)
            elif active_qubits(circuit) > self._width(circuit, options):
                raise InvalidCircuitError(
                    f"circuit {index} ('{circuit.name}') uses {active_qubits(circuit)} qubits; "
                    f"'{self.name}' simulates at most {self._width(circuit, options)} with these "
                    "gates; wider ones: method='matrix_product_state', or 'stabilizer' for Clifford "
                    "gates",
                    index=index,
                )

    def _width(self, circuit: QuantumCircuit, options: Mapping[str, Any]) -> int:
        from qiskit_aer import AerSimulator

        method = options["method"]
        if method != "automatic":
            return int(AerSimulator(method=method).configuration().n_qubits)
        stabilizer = AerSimulator(method="stabilizer").configuration()
        clifford = instruction_names(circuit) <= set(stabilizer.basis_gates) | _ALWAYS_KNOWN
        return int(stabilizer.n_qubits if clifford else self._configuration.n_qubits)

    def _check_on_device(self, circuit: QuantumCircuit, index: int) -> None:
        width = self._configuration.n_qubits
        if circuit.num_qubits > width:
            raise InvalidCircuitError(
                f"circuit {index} ('{circuit.name}') has {circuit.num_qubits} qubits; '{self.name}' "
                f"has {width}",
                index=index,
            )
        target = self.target
        places = {qubit: place for place, qubit in enumerate(circuit.qubits)}
        for instruction in circuit.data:
            operation = instruction.operation
            qubits = tuple(places[qubit] for qubit in instruction.qubits)
            if operation.name not in target.operation_names or len(qubits) > 2:
                continue
            if not target.instruction_supported(operation.name, qubits):
                raise InvalidCircuitError(
                    f"circuit {index} ('{circuit.name}') has '{operation.name}' on qubits {qubits}, "
                    f"which '{self.name}' does not have there; transpile(circuit, backend) routes "
                    "circuits to the device",
                    index=index,
                )

    def _finished(self, result: Result, options: Mapping[str, Any]) -> Result:
        defaults = aer_defaults()
        result.backend_name = str(self.name)
        recorded = {key: options[key] for key in RECORDED if options[key] != defaults[key]}
        if recorded:
            result._metadata.setdefault("metadata", {})["recorded_options"] = recorded
        return with_headers(result)
