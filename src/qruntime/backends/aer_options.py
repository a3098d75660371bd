# SPDX-License-Identifier: Apache-2.0
"""The options of Qiskit Aer's simulator: which values each takes, and which a CPU cannot honour."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from qruntime.backends.options import (
    SIMULATOR_CHECKS,
    SIMULATOR_DEFAULTS,
    Check,
    boolean,
    integer,
    one_of,
    only,
    real,
)
from qruntime.errors import InvalidInputError, UnsupportedOptionError
from qruntime.execution.checks import MAX_SHOTS
from qruntime.execution.tiers import TIERS

ALWAYS_KNOWN = frozenset({"barrier", "delay", "measure", "reset", "store"})

_GPU_BUILD = "it needs a GPU build of Qiskit Aer, and this machine has the CPU build"
_GPU_DEVICES = ("GPU", "Thrust")
_GPU_METHODS = ("tensor_network",)
_GPU_ONLY = (
    "cuStateVec_enable",
    "batched_shots_gpu",
    "batched_shots_gpu_max_qubits",
    "num_threads_per_device",
    "tensor_network_num_sampling_qubits",
    "use_cuTensorNet_autotuning",
)
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "precision": ("double", "single"),
    "extended_stabilizer_sampling_method": (
        "resampled_metropolis",
        "metropolis",
        "norm_estimation",
    ),
    "mps_sample_measure_algorithm": ("mps_heuristic", "mps_apply_measure", "mps_probabilities"),
    "mps_swap_direction": ("mps_swap_left", "mps_swap_right"),
}


def noise_model_or_none(name: str, value: Any) -> Any:
    """Accept a noise model of Qiskit Aer, its dict form, or None."""
    from qiskit_aer.noise import NoiseModel

    if value is None or isinstance(value, NoiseModel):
        return value
    if not isinstance(value, Mapping):
        raise InvalidInputError(
            f"option '{name}' must be a qiskit_aer.noise.NoiseModel, its dict or None, not a "
            f"{type(value).__name__}"
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="from_dict has been deprecated")
            return NoiseModel.from_dict(dict(value))
    except Exception as error:  # Aer reads the dict unchecked: anything may be raised
        raise InvalidInputError(
            f"option '{name}' must be the dict of a noise model: {type(error).__name__}: {error}"
        ) from error


def _check_like(default: Any) -> Check:
    if isinstance(default, bool):
        return boolean
    if isinstance(default, float):
        return real(0)
    return integer(0, optional=True)


def _one_that_is_here(here: Sequence[str], elsewhere: Sequence[str]) -> Check:
    among = one_of(*here)

    def check(name: str, value: Any) -> Any:
        if value in elsewhere and value not in here:
            raise UnsupportedOptionError(
                f"option '{name}={value!r}' cannot be honoured: {_GPU_BUILD}; allowed: "
                + ", ".join(repr(item) for item in here)
            )
        return among(name, value)

    return check


@dataclass(frozen=True, slots=True)
class Reach:
    """What a method of the simulator can do on this machine."""

    qubits: int
    instructions: frozenset[str]
    custom: frozenset[str]
    """Those of the instructions that are Aer's own, such as ``save_statevector``."""


@cache
def reach_of(method: str) -> Reach:
    """Return what a method can do on this machine."""
    from qiskit_aer import AerSimulator

    described = AerSimulator(method=method).configuration()
    return Reach(
        int(described.n_qubits),
        frozenset(described.basis_gates) | ALWAYS_KNOWN,
        frozenset(described.custom_instructions) | ALWAYS_KNOWN,
    )


@cache
def aer_defaults() -> Mapping[str, Any]:
    """Return every option with its default: AerSimulator's, those of old programs and ``tier``."""
    from qiskit_aer import AerSimulator

    ours = {**SIMULATOR_DEFAULTS, "shots": 1024, "tier": None}
    return {**dict(AerSimulator._default_options()), **ours}


@cache
def aer_checks() -> Mapping[str, Check]:
    """Return the check of each option, for the methods and devices that this machine has."""
    from qiskit_aer import AerSimulator

    simulator = AerSimulator()
    devices = tuple(simulator.available_devices())
    defaults = aer_defaults()
    checks: dict[str, Check] = {name: _check_like(default) for name, default in defaults.items()}
    checks |= {name: one_of(*choices) for name, choices in _CHOICES.items()}
    checks |= SIMULATOR_CHECKS
    checks["shots"] = integer(1, MAX_SHOTS)
    checks["tier"] = one_of(None, *TIERS)
    checks["method"] = _one_that_is_here(simulator.available_methods(), _GPU_METHODS)
    checks["device"] = _one_that_is_here(devices, _GPU_DEVICES)
    checks["noise_model"] = noise_model_or_none
    checks["executor"] = only(None, reason="run() is synchronous and owns its workers")
    if devices == ("CPU",):
        checks |= {name: only(defaults[name], reason=_GPU_BUILD) for name in _GPU_ONLY}
    return checks
