# SPDX-License-Identifier: Apache-2.0
"""The private parts of Qiskit Aer that the native tier stands on, checked once a process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from qruntime.execution.unsupported import NotSupportedError

TIER = "native"
SEED_STEP = 2113
"""Aer gives experiment ``i`` of a call the seed ``seed + 2113 * i``."""

_KNOWN_VERSIONS = ("0.18.",)


@dataclass(frozen=True, slots=True)
class NativeAer:
    """Aer's steps from circuits to raw results, each callable on its own."""

    simulator: Any
    assemble: Callable[[list[QuantumCircuit]], tuple[list[Any], list[list[int]]]]
    configure: Callable[..., Any]
    format_saved: Callable[[Any, str, str], Any]
    library: str
    phase_place: tuple[int, int]
    version: str

    def lower(self, circuits: Sequence[QuantumCircuit], noise_model: Any) -> tuple[Any, Any]:
        """Inline control flow and move noise that is written in circuits into the noise model."""
        lowered, noise = self.simulator._compile(list(circuits), noise_model=noise_model)
        return lowered, noise

    def config(self, circuits: Sequence[QuantumCircuit], options: Mapping[str, Any]) -> Any:
        """Return Aer's configuration object for options that stay the same for many calls."""
        config = self.configure(circuits, self.simulator.options, **options)
        config.library_dir = self.library
        return config

    def execute(self, circuits: list[Any], noise: Mapping[str, Any], config: Any) -> Any:
        """Run assembled circuits; Aer holds the interpreter's lock until they have finished."""
        return self.simulator._controller.execute(circuits, noise, config)


def native_aer() -> NativeAer:
    """Return Aer's steps.

    Raises:
        NotSupportedError: Aer is absent, or this version of it is put together differently.
    """
    found = _examined()
    if isinstance(found, str):
        raise NotSupportedError(found, tier=TIER)
    return found


@cache
def _examined() -> NativeAer | str:
    try:
        import qiskit_aer
    except ImportError:
        return "qiskit-aer is not installed"
    version = str(qiskit_aer.__version__)
    if not version.startswith(_KNOWN_VERSIONS):
        return f"qiskit-aer {version} was not examined; known: 0.18"
    try:
        aer = _gathered(version)
        same = _rebinds_as_run_does(aer)
    except Exception as error:  # noqa: BLE001 - private parts of another package may fail in any way
        return f"qiskit-aer {version} is put together differently: {error}"
    return aer if same else f"qiskit-aer {version} gives other counts when circuits are kept"


def _gathered(version: str) -> NativeAer:
    from qiskit_aer import AerSimulator
    from qiskit_aer.backends import aer_compiler, backend_utils, controller_wrappers

    simulator = AerSimulator()
    for name in ("_compile", "_controller"):
        getattr(simulator, name)
    return NativeAer(
        simulator=simulator,
        assemble=aer_compiler.assemble_circuits,
        configure=aer_compiler.generate_aer_config,
        format_saved=backend_utils.format_save_type,
        library=backend_utils.LIBRARY_DIR,
        phase_place=(controller_wrappers.AerConfig.GLOBAL_PHASE_POS, -1),
        version=version,
    )


def _rebinds_as_run_does(aer: NativeAer) -> bool:
    """Compare a kept circuit, executed twice, with ``AerSimulator.run`` on what Aer truncates."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(3, 1)
    circuit.h(0)
    circuit.ry(angle, 2)
    circuit.measure(2, 0)
    angles = [0.7, 2.1]
    bound = [circuit.assign_parameters([value]) for value in angles]
    expected = aer.simulator.run(bound, shots=64, seed_simulator=5).result()
    wanted = [dict(item.data.counts) for item in expected.results]
    assembled, places = aer.assemble([circuit])
    config = aer.config([circuit], {})
    config.shots, config.seed_simulator = 64, 5
    config.parameterizations = [
        [(aer.phase_place, [0.0, 0.0]), ((places[0][1], 0), angles)],
    ]
    return all(
        [item["data"]["counts"] for item in aer.execute(assembled, {}, config)["results"]] == wanted
        for _ in range(2)
    )


def as_signed(seed: int, first: int) -> int:
    """Return the seed that Aer gives the experiment after ``first`` others, as Aer takes it."""
    if not first:
        return seed
    return (seed + SEED_STEP * first + 2**63) % 2**64 - 2**63
