# SPDX-License-Identifier: Apache-2.0
"""The options of Qiskit Aer's simulator: which values each takes, and which a CPU cannot honour."""

from __future__ import annotations

from collections.abc import Mapping
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
from qruntime.errors import InvalidInputError

MAX_SHOTS = 1_000_000

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
    if isinstance(value, Mapping):
        return NoiseModel.from_dict(dict(value))
    raise InvalidInputError(
        f"option '{name}' must be a qiskit_aer.noise.NoiseModel or None, not {type(value).__name__}"
    )


def _check_like(default: Any) -> Check:
    if isinstance(default, bool):
        return boolean
    if isinstance(default, float):
        return real(0)
    return integer(0, optional=True)


@cache
def aer_defaults() -> Mapping[str, Any]:
    """Return every option with its default: those of AerSimulator and those of old programs."""
    from qiskit_aer import AerSimulator

    return {**dict(AerSimulator._default_options()), **SIMULATOR_DEFAULTS, "shots": 1024}


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
    checks["method"] = one_of(*simulator.available_methods())
    checks["device"] = one_of(*devices)
    checks["noise_model"] = noise_model_or_none
    checks["executor"] = only(None, reason="run() is synchronous and owns its workers")
    if devices == ("CPU",):
        reason = "it needs a GPU build of Qiskit Aer, and this machine has the CPU build"
        checks |= {name: only(defaults[name], reason=reason) for name in _GPU_ONLY}
    return checks
