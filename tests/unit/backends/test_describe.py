# SPDX-License-Identifier: Apache-2.0
"""Configuration and properties made from a target hold what the target held."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from qiskit.providers import BackendV2, Options
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import Target
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qruntime import InvalidInputError
from qruntime.backends.describe import configuration_of, properties_of
from qruntime.program.target import target_from

LINE = [[0, 1], [1, 0], [1, 2], [2, 1], [2, 3], [3, 2]]


def facts(target: Target) -> dict[Any, Any]:
    return {
        (name, qubits): (getattr(held, "error", None), getattr(held, "duration", None))
        for name in target.operation_names
        for qubits, held in (target[name] or {}).items()
    }


@pytest.mark.parametrize("control_flow", [False, True])
def test_the_target_survives_the_round_trip(control_flow: bool) -> None:
    device = GenericBackendV2(4, coupling_map=LINE, control_flow=control_flow, seed=5)

    made = target_from(configuration_of(device), properties_of(device))

    before, after = facts(device.target), facts(made)
    odd_names_of_qiskit = {"break", "continue"}
    assert set(made.operation_names) == set(device.target.operation_names) - odd_names_of_qiskit
    assert {key for key in before if key[0] not in odd_names_of_qiskit} == after.keys()
    for key, (error, duration) in after.items():
        assert before[key] == (pytest.approx(error), pytest.approx(duration)), key
    assert made.dt == pytest.approx(device.target.dt)


def test_coherence_times_survive_the_round_trip() -> None:
    device = GenericBackendV2(4, coupling_map=LINE, seed=5)

    made = target_from(configuration_of(device), properties_of(device))

    for qubit in range(4):
        assert made.qubit_properties[qubit].t1 == pytest.approx(device.qubit_properties(qubit).t1)
        assert made.qubit_properties[qubit].t2 == pytest.approx(device.qubit_properties(qubit).t2)
        assert made.qubit_properties[qubit].frequency == pytest.approx(
            device.qubit_properties(qubit).frequency
        )


def test_the_configuration_says_what_programs_ask() -> None:
    configuration = configuration_of(GenericBackendV2(4, coupling_map=LINE, seed=5))

    assert configuration.backend_name == "generic_backend_4q"
    assert configuration.n_qubits == configuration.num_qubits == 4
    assert configuration.basis_gates == ["cx", "id", "rz", "sx", "x"]
    assert sorted(configuration.coupling_map) == sorted(LINE)
    assert not configuration.simulator
    assert not hasattr(configuration, "max_experiments")


def test_the_properties_answer_the_look_ups_of_version_1() -> None:
    device = GenericBackendV2(4, coupling_map=LINE, seed=5)
    properties = properties_of(device)

    assert properties is not None
    assert properties.t1(2) == pytest.approx(device.target.qubit_properties[2].t1)
    assert properties.gate_error("cx", [0, 1]) == pytest.approx(device.target["cx"][(0, 1)].error)
    assert properties.readout_error(1) == pytest.approx(device.target["measure"][(1,)].error)


def test_a_devices_own_models_are_taken_as_they_are() -> None:
    device = FakeManilaV2()
    properties = properties_of(device)

    assert configuration_of(device).to_dict()["n_qubits"] == 5
    assert configuration_of(device).basis_gates == device.configuration().basis_gates
    assert properties is not None
    assert properties.t1(0) == device.properties().t1(0)


class Bare(BackendV2):
    """A device that states no more than which qubits there are."""

    def __init__(self) -> None:
        super().__init__(name="bare")
        self._target = Target(num_qubits=2)

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1)

    def run(self, run_input: Any, **options: Any) -> None:
        """Run nothing."""


def test_a_target_without_calibration_has_no_properties() -> None:
    assert properties_of(Bare()) is None


def test_a_configuration_that_is_no_model_is_made_from_the_target() -> None:
    device = Bare()
    device.configuration = lambda: SimpleNamespace(backend_name="bare")  # type: ignore[attr-defined]

    assert configuration_of(device).n_qubits == 2


def test_what_is_not_a_backend_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not a str"):
        configuration_of("fake_manila")  # type: ignore[arg-type]
