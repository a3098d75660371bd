# SPDX-License-Identifier: Apache-2.0
"""The ways to run a compiled circuit, and the rule that chooses one by the circuit alone."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData

from qruntime.errors import ExecutionError, InvalidInputError, UnsupportedOptionError
from qruntime.execution.clifford import CliffordProgram, prefer_clifford
from qruntime.execution.estimates import Measurements
from qruntime.execution.native import NativeProgram
from qruntime.execution.native_aer import SEED_STEP, as_signed
from qruntime.execution.program import StatevectorProgram
from qruntime.execution.readout import Samples
from qruntime.execution.sampled import Item, Sampled, header_of, own_header
from qruntime.execution.unsupported import NotSupportedError

Rows = NDArray[np.float64]

MAX_KERNEL_QUBITS = 24
"""The widest circuits that the kernel was measured on, ahead of Aer at every width up to this."""

_OF_ONE_RUN = frozenset({"shots", "memory", "seed_simulator", "method"})


class Tier(ABC):
    """A compiled circuit. ``reason`` says why it is not on a faster tier."""

    name: str
    reason = ""
    parameters: tuple[Parameter, ...]

    @abstractmethod
    def sample(self, rows: Rows, shots: int, seed: int, first: int, *, memory: bool) -> list[Item]:
        """Measure every binding ``shots`` times; one item a binding.

        ``first`` is how many experiments of the same run come before: it sets apart circuits that
        share a seed.
        """


class KernelTier(Tier):
    """The compiled statevector: noiseless circuits that are measured at their end.

    Of a circuit with too many qubits, those that nothing acts on are left out: the states are then
    not the circuit's own, and it is ``narrowed``.
    """

    name = "kernel"

    def __init__(self, circuit: QuantumCircuit) -> None:
        self.narrowed = circuit.num_qubits > MAX_KERNEL_QUBITS
        if self.narrowed:
            self.program = StatevectorProgram.compile_to_sample(circuit, 0)
        else:
            self.program = StatevectorProgram.compile(circuit, phase=False)
        if self.program.num_qubits > MAX_KERNEL_QUBITS:
            raise NotSupportedError(f"it acts on more than {MAX_KERNEL_QUBITS} qubits")
        if not self.program.readout.qubits:
            raise NotSupportedError("it measures nothing")
        self.parameters = self.program.parameters
        self.measurements = Measurements(self.program)
        self._header = copy.deepcopy(header_of(circuit))

    def sample(self, rows: Rows, shots: int, seed: int, first: int, *, memory: bool) -> list[Item]:
        """Sample the states; each binding from a stream of its own."""
        samples = self.program.sample_checked(rows, shots, seed=seed, stream=first)
        return self.items(samples, seed, memory=memory)

    def items(self, samples: Samples, seed: int, *, memory: bool) -> list[Item]:
        """Return samples of the program as items."""
        return [
            Sampled(samples, binding, self._header, seed, memory) for binding in range(len(samples))
        ]


class NativeTier(Tier):
    """Aer's own controller, with the circuit assembled once: whatever Aer can do."""

    name = "native"

    def __init__(self, circuit: QuantumCircuit, options: Mapping[str, Any], reason: str) -> None:
        self.parameters = tuple(circuit.parameters)
        self.reason = reason
        self._program = NativeProgram.compile(circuit, options=options)

    def sample(self, rows: Rows, shots: int, seed: int, first: int, *, memory: bool) -> list[Item]:
        """Bind and run in Aer; the counts for a seed are those of ``AerSimulator.run``."""
        run = self._program.run(rows, shots=shots, seed=seed + SEED_STEP * first, memory=memory)
        return named(succeeded(run.result()), self.name)


class CliffordTier(Tier):
    """Stim: Clifford circuits without parameters, of any width, measured anywhere."""

    name = "clifford"
    parameters = ()

    def __init__(self, circuit: QuantumCircuit, reason: str) -> None:
        self._program = CliffordProgram.compile(circuit)
        self._header = copy.deepcopy(header_of(circuit))
        self.reason = reason

    def sample(self, rows: Rows, shots: int, seed: int, first: int, *, memory: bool) -> list[Item]:
        """Sample with stim, each time from a seed of its own."""
        return [
            clifford_experiment(
                self._program,
                self._header,
                shots,
                seed + SEED_STEP * (first + number),
                memory=memory,
            )
            for number in range(len(rows))
        ]


def clifford_experiment(
    program: CliffordProgram, header: Mapping[str, Any], shots: int, seed: int, *, memory: bool
) -> ExperimentResult:
    """Sample once and return the experiment as Qiskit's ``Result`` holds it."""
    samples = program.sample(shots, seed % 2**63)
    data: dict[str, Any] = {"counts": samples.hex_counts()}
    if memory:
        padded = np.packbits(samples.bits(), axis=1, bitorder="little")
        data["memory"] = [hex(int.from_bytes(row.tobytes(), "little")) for row in padded]
    return ExperimentResult(
        shots=shots,
        success=True,
        data=ExperimentResultData(**data),
        header=own_header(header),
        status="DONE",
        seed_simulator=seed,
        metadata={"method": "stabilizer", "tier": "clifford"},
    )


class AerTier(Tier):
    """``AerSimulator.run`` itself, for what no other tier takes."""

    name = "aer"

    def __init__(self, circuit: QuantumCircuit, options: Mapping[str, Any], reason: str) -> None:
        self.parameters = tuple(circuit.parameters)
        self.reason = reason
        self._circuit = circuit.copy()
        self._circuit.metadata = copy.deepcopy(circuit.metadata)
        self._options = {name: value for name, value in options.items() if value is not None}

    def sample(self, rows: Rows, shots: int, seed: int, first: int, *, memory: bool) -> list[Item]:
        """Bind the circuit and run it."""
        from qiskit_aer import AerSimulator

        bound = [self._circuit.assign_parameters(row) for row in rows]
        for circuit in bound:
            circuit.name = self._circuit.name  # assign_parameters makes up another
            circuit.metadata = copy.deepcopy(self._circuit.metadata)
        options = {**self._options, "shots": shots, "memory": memory}
        options["seed_simulator"] = as_signed(seed, first)
        return named(succeeded(AerSimulator().run(bound, **options).result()), self.name)


def named(experiments: list[Any], tier: str) -> list[Item]:
    """Write the tier into the metadata of Aer's experiments."""
    for experiment in experiments:
        fields = experiment._metadata
        fields["metadata"] = {**fields.get("metadata", {}), "tier": tier}
    return experiments


def succeeded(result: Result) -> list[Item]:
    """Return the experiments of a result.

    Raises:
        ExecutionError: at least one failed; the message has the reason for each.
    """
    failed = [
        f"experiment {index}: {getattr(experiment, 'status', 'failed')}"
        for index, experiment in enumerate(result.results)
        if not experiment.success
    ]
    if failed or not result.success:
        raise ExecutionError("; ".join(failed) or str(result.status))
    return list(result.results)


TIERS = ("kernel", "clifford", "native", "aer")


def choose(circuit: QuantumCircuit, options: Mapping[str, Any], pinned: str | None) -> Tier:
    """Return the circuit on the fastest tier that takes it, or on the pinned one.

    ``options`` are all options of the run; one that a tier cannot honour rules it out.

    Raises:
        InvalidInputError: there is no such tier.
        UnsupportedOptionError: the pinned tier does not take the circuit; the message says why.
    """
    if pinned is not None and pinned not in TIERS:
        raise InvalidInputError(f"no tier {pinned!r}; there are: {', '.join(TIERS)}")
    reasons: list[str] = []
    for name in TIERS if pinned is None else (pinned,):
        try:
            if name == "kernel":
                return _kernel(circuit, options)
            if name == "clifford":
                return _clifford(circuit, options, "; ".join(reasons), pinned=pinned is not None)
            if name == "native":
                return NativeTier(circuit, _given(options), "; ".join(reasons))
            return AerTier(circuit, _given(options), "; ".join(reasons))
        except NotSupportedError as error:
            reasons.append(error.reason)
    raise UnsupportedOptionError(f"the tier '{pinned}' does not take this: {reasons[-1]}")


def _kernel(circuit: QuantumCircuit, options: Mapping[str, Any]) -> KernelTier:
    check_kernel_options(options)
    return KernelTier(circuit)


def check_kernel_options(options: Mapping[str, Any]) -> None:
    """Refuse options that only Aer honours.

    Raises:
        NotSupportedError: there is such a one, or Numba is not installed.
    """
    if find_spec("numba") is None:
        raise NotSupportedError("Numba is not installed: pip install 'qruntime[fast]'")
    if options["method"] not in ("automatic", "statevector"):
        raise NotSupportedError(f"method='{options['method']}' is Aer's")
    _check_default(options, "kernel")


def _clifford(
    circuit: QuantumCircuit, options: Mapping[str, Any], reason: str, *, pinned: bool
) -> CliffordTier:
    check_clifford_options(options)
    check_clifford(circuit, options["shots"], pinned=pinned)
    return CliffordTier(circuit, reason)


def check_clifford_options(options: Mapping[str, Any]) -> None:
    """Refuse options that only Aer honours.

    Raises:
        NotSupportedError: there is such a one.
    """
    if options["method"] not in ("automatic", "stabilizer"):
        raise NotSupportedError(f"method='{options['method']}' is Aer's", tier="clifford")
    _check_default(options, "clifford")


def check_clifford(circuit: QuantumCircuit, shots: int, *, pinned: bool) -> None:
    """Refuse a circuit that has nothing to sample, and one for which Aer is faster.

    Raises:
        NotSupportedError: it is one of them.
    """
    if not pinned and not prefer_clifford(circuit.num_qubits, circuit.size(), shots):
        raise NotSupportedError("Aer is faster for so small a circuit", tier="clifford")
    if not circuit.num_clbits:
        raise NotSupportedError("it measures nothing", tier="clifford")


def _check_default(options: Mapping[str, Any], tier: str) -> None:
    changed = sorted(set(_given(options)) - _OF_ONE_RUN)
    if changed:
        raise NotSupportedError(f"Aer alone has the option '{changed[0]}'", tier=tier)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that differ from Aer's defaults: those that were asked for."""
    from qiskit_aer import AerSimulator

    defaults = AerSimulator._default_options()
    return {
        name: value
        for name, value in options.items()
        if name in defaults and value is not None and value != defaults[name]
    }
