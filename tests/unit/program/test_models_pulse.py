# SPDX-License-Identifier: Apache-2.0
"""What is kept of a device that offered pulses."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from qiskit.exceptions import QiskitError

from qruntime.program.models import (
    Command,
    GateConfig,
    PulseBackendConfiguration,
    QasmBackendConfiguration,
    UchannelLO,
)

HAMILTONIAN = {"h_str": ["w*Z0"], "vars": {"wq0": 30.5, "jq0q1": 2}, "qub": {"0": 2}}


def configuration(**changes: Any) -> PulseBackendConfiguration:
    fields: dict[str, Any] = {
        "backend_name": "device",
        "backend_version": "1",
        "n_qubits": 2,
        "basis_gates": ["cx"],
        "gates": [GateConfig("cx", [], "q")],
        "local": False,
        "simulator": False,
        "conditional": False,
        "open_pulse": True,
        "memory": True,
        "max_shots": 100,
        "coupling_map": [[0, 1]],
        "n_uchannels": 1,
        "u_channel_lo": [[UchannelLO(1, 1 + 0j)]],
        "meas_levels": [1, 2],
        "qubit_lo_range": [[4.5, 5.5]],
        "meas_lo_range": [[6.5, 7.5]],
        "dt": 0.25,
        "dtm": 10.5,
        "rep_times": [1000, 2000],
        "meas_kernels": ["boxcar"],
        "discriminators": ["linear"],
    }
    return PulseBackendConfiguration(**{**fields, **changes})


def test_the_smallest_configuration_adds_the_fields_for_pulses() -> None:
    data = configuration().to_dict()

    assert {name: data[name] for name in list(data)[13:]} == {
        "n_uchannels": 1,
        "u_channel_lo": [[{"q": 1, "scale": 1 + 0j}]],
        "meas_levels": [1, 2],
        "qubit_lo_range": [[4.5, 5.5]],
        "meas_lo_range": [[6.5, 7.5]],
        "dt": 0.25,
        "dtm": 10.5,
        "rep_times": [1000, 2000],
        "meas_kernels": ["boxcar"],
        "discriminators": ["linear"],
    }


def test_units_are_converted_on_the_way_in() -> None:
    config = configuration(channel_bandwidth=[[0.5, 0.25]], default_rep_delay=250)

    assert config.dt == 0.25 * 1e-9
    assert config.rep_times == [1e-3, 2e-3]
    assert config.qubit_lo_range == [[4.5e9, 5.5e9]]
    assert config.meas_lo_range == [[6.5e9, 7.5e9]]
    assert config.channel_bandwidth == [[5e8, 2.5e8]]
    assert config.default_rep_delay == 0.00025


def test_variables_of_the_hamiltonian_are_in_hz() -> None:
    config = configuration(hamiltonian=HAMILTONIAN)

    assert config.hamiltonian == {**HAMILTONIAN, "vars": {"wq0": 30.5e9, "jq0q1": 2e9}}
    assert config.to_dict()["hamiltonian"] == HAMILTONIAN


def test_changed_variables_of_the_hamiltonian_are_converted_back() -> None:
    config = configuration(hamiltonian=HAMILTONIAN)
    assert config.hamiltonian is not None

    config.hamiltonian["vars"]["wq0"] = 4e9

    assert config.to_dict()["hamiltonian"]["vars"] == {"wq0": 4.0, "jq0q1": 2.0}


def test_the_hamiltonian_given_stays_as_it_was() -> None:
    given = copy.deepcopy(HAMILTONIAN)

    configuration(hamiltonian=given)

    assert given == HAMILTONIAN


def test_a_hamiltonian_without_variables_is_kept() -> None:
    given = {"h_latex": "H"}

    config = configuration(hamiltonian=given)

    assert config.hamiltonian == given
    assert config.to_dict()["hamiltonian"] == given


def test_without_a_hamiltonian_the_attribute_is_none_and_not_in_the_dictionary() -> None:
    config = configuration()

    assert config.hamiltonian is None
    assert "hamiltonian" not in config.to_dict()


@pytest.mark.parametrize(
    "name",
    ["channel_bandwidth", "acquisition_latency", "conditional_latency", "meas_map", "channels"],
)
def test_optional_data_is_absent_unless_given(name: str) -> None:
    assert not hasattr(configuration(), name)
    assert configuration(**{name: [[1]]}).to_dict()[name] == [[1]]


def test_the_sample_rate_follows_from_dt() -> None:
    assert configuration().sample_rate == pytest.approx(4e9, rel=1e-14)


def test_it_survives_its_dictionary() -> None:
    config = configuration(hamiltonian=HAMILTONIAN, channel_bandwidth=[[0.1, 0.2]], extra=1)

    assert PulseBackendConfiguration.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda item: pickle.loads(pickle.dumps(item))]
)
def test_a_copy_is_equal(duplicate: Any) -> None:
    config = configuration(hamiltonian=HAMILTONIAN, extra=1)

    assert duplicate(config) == config


def test_it_is_a_configuration() -> None:
    assert isinstance(configuration(), QasmBackendConfiguration)


def test_an_oscillator_keeps_its_data() -> None:
    oscillator = UchannelLO(0, 1j)

    assert oscillator.to_dict() == {"q": 0, "scale": 1j}
    assert UchannelLO.from_dict(oscillator.to_dict()) == oscillator
    assert repr(UchannelLO(1, 1 + 0j)) == "UchannelLO(1, (1+0j))"


def test_an_oscillator_of_a_negative_qubit_is_refused() -> None:
    with pytest.raises(QiskitError, match="q must be >=0"):
        UchannelLO(-1, 1)


def test_a_command_keeps_only_what_was_given() -> None:
    assert Command("x").to_dict() == {"name": "x"}
    with pytest.raises(AttributeError, match=r"^Attribute qubits is not defined$"):
        _ = Command("x").qubits


def test_a_command_keeps_unknown_keywords() -> None:
    command = Command("cx", qubits=[0, 1], sequence=[{"name": "fc", "t0": 0}], label="slow")

    assert command.label == "slow"
    assert command.to_dict() == {
        "name": "cx",
        "qubits": [0, 1],
        "sequence": [{"name": "fc", "t0": 0}],
        "label": "slow",
    }


def test_a_command_survives_its_dictionary_and_pickle() -> None:
    command = Command("cx", qubits=[0, 1], sequence=[], label="slow")

    assert Command.from_dict(command.to_dict()) == command
    assert pickle.loads(pickle.dumps(command)) == command
