# SPDX-License-Identifier: Apache-2.0
"""A noise model from a device's calibration."""

from __future__ import annotations

import warnings
from typing import Any

from qiskit.providers import BackendV2

from qruntime.errors import InvalidInputError


class _TargetOnly:
    """A backend as Aer reads one of version 2: everything but the version is the backend's own."""

    version = 2

    def __init__(self, backend: BackendV2) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def noise_model_from(device: BackendV2) -> Any:
    """Return a ``qiskit_aer.noise.NoiseModel`` that approximates the device.

    It has depolarising gate errors, thermal relaxation and readout errors. From a device with
    ``properties()`` and the interface of version 1, such as a ``ProgramBackend``, the readout
    errors are asymmetric (prepared 0 and prepared 1 each have their own); from any other device
    they come from its target, where one number stands for both.

    Raises:
        InvalidInputError: ``device`` is not a backend.
    """
    from qiskit_aer.noise import NoiseModel

    if not isinstance(device, BackendV2):
        raise InvalidInputError(
            f"a noise model is made from a backend, not from a {type(device).__name__}"
        )
    has_properties = device.version == 1 and device.properties() is not None
    source = device if has_properties or device.version == 2 else _TargetOnly(device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*V1 based backend.*")
        warnings.filterwarnings("ignore", message=".*has no QubitProperties.*")
        return NoiseModel.from_backend(source)
