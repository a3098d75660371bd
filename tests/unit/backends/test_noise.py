# SPDX-License-Identifier: Apache-2.0
"""A noise model from any backend."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit.providers import Options
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer.noise import NoiseModel
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qruntime import (
    BackendConfiguration,
    InvalidInputError,
    ProgramBackend,
    ProviderBackend,
    noise_model_from,
)


class Device(ProgramBackend):
    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1)

    def run(self, circuits: Any, timeout: float | None = None, **run_config: Any) -> None:
        """Run nothing."""


def readout(model: NoiseModel) -> list[Any]:
    return [entry for entry in model.to_dict()["errors"] if entry["type"] == "roerror"]


def test_a_device_of_qiskit_2_gives_the_model_that_aer_makes() -> None:
    device = GenericBackendV2(3, seed=1)

    assert noise_model_from(device) == NoiseModel.from_backend(device)


def test_a_device_with_properties_of_version_1_has_asymmetric_readout() -> None:
    backend = ProviderBackend(FakeManilaV2())
    properties = backend.properties()

    first = readout(noise_model_from(backend))[0]

    (zero, one), (one_zero, one_one) = first["probabilities"]
    assert one == pytest.approx(properties.qubit_property(0, "prob_meas1_prep0")[0])
    assert one_zero == pytest.approx(properties.qubit_property(0, "prob_meas0_prep1")[0])
    assert one != one_zero
    assert zero + one == one_zero + one_one == pytest.approx(1)


def test_a_device_of_version_1_without_properties_is_read_by_its_target() -> None:
    target = GenericBackendV2(3, seed=1).target
    configuration = BackendConfiguration(
        backend_name="x",
        backend_version="1",
        n_qubits=3,
        basis_gates=["cx", "id", "rz", "sx", "x"],
        gates=[],
        local=True,
        simulator=False,
        conditional=False,
        open_pulse=False,
        memory=False,
        max_shots=1,
        coupling_map=None,
    )

    model = noise_model_from(Device(configuration, target=target))

    assert model == NoiseModel.from_backend(GenericBackendV2(3, seed=1))


def test_what_is_not_a_backend_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not from a str"):
        noise_model_from("fake_manila")  # type: ignore[arg-type]
