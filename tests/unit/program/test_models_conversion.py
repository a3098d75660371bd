# SPDX-License-Identifier: Apache-2.0
"""Our models from other libraries' objects and from dictionaries."""

from __future__ import annotations

import copy
import datetime
import math
from types import SimpleNamespace
from typing import Any

import pytest

from qruntime.errors import InvalidInputError
from qruntime.program.models import (
    BackendProperties,
    BackendPropertyError,
    PulseBackendConfiguration,
    QasmBackendConfiguration,
    UchannelLO,
    configuration_from,
    properties_from,
)

fake_provider = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
DEVICES = ["FakeManilaV2", "FakeMontrealV2", "FakeBurlingtonV2", "FakeFez", "FakeBoston"]
MINIMAL = {"backend_name": "own", "backend_version": "1", "n_qubits": 1, "basis_gates": ["x"]}


def nearly(left: Any, right: Any) -> bool:
    """Return whether two nested values are equal, but for the last digits of numbers."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(nearly(left[k], right[k]) for k in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(nearly, left, right))
    if isinstance(left, float):
        return math.isclose(left, right, rel_tol=1e-14)
    return bool(left == right)


@pytest.fixture(scope="module", params=DEVICES)
def device(request: pytest.FixtureRequest) -> Any:
    return getattr(fake_provider, request.param)()


def test_a_configuration_of_ours_comes_back_as_it_is() -> None:
    config = configuration_from(MINIMAL)

    assert configuration_from(config) is config


def test_ibms_configuration_object_gives_its_own_dictionary(device: Any) -> None:
    theirs = device.configuration()

    assert configuration_from(theirs).to_dict() == theirs.to_dict()


def test_ibms_configuration_file_gives_itself(device: Any) -> None:
    data = device._get_conf_dict_from_json()

    ours = configuration_from(copy.deepcopy(data)).to_dict()

    assert {name: ours[name] for name in data} == data


def test_ibms_configuration_file_gives_the_attributes_that_ibm_gives(device: Any) -> None:
    theirs = device.configuration()
    ours = configuration_from(device._get_conf_dict_from_json())

    for name in ("dt", "dtm", "rep_times", "rep_delay_range", "qubit_lo_range", "num_qubits"):
        assert getattr(ours, name, None) == getattr(theirs, name, None), name


def test_a_device_with_all_data_for_pulses_is_one_that_offers_pulses() -> None:
    assert isinstance(
        configuration_from(fake_provider.FakeMontrealV2().configuration()),
        PulseBackendConfiguration,
    )


def test_a_device_that_offers_no_pulses_has_a_plain_configuration() -> None:
    config = configuration_from(fake_provider.FakeBurlingtonV2().configuration())

    assert type(config) is QasmBackendConfiguration


@pytest.mark.parametrize("change", [{"open_pulse": False}, {"rep_times": ...}])
def test_pulses_need_the_word_of_the_device_and_all_data(change: dict[str, Any]) -> None:
    data = fake_provider.FakeManilaV2().configuration().to_dict()
    changed = {name: value for name, value in {**data, **change}.items() if value is not ...}

    assert type(configuration_from(changed)) is QasmBackendConfiguration


def test_what_a_dictionary_does_not_say_is_asked_of_the_object() -> None:
    source = SimpleNamespace(to_dict=lambda: MINIMAL, max_shots=5, simulator=True)

    config = configuration_from(source)

    assert (config.max_shots, config.simulator) == (5, True)


def test_the_configuration_of_aer_gives_its_own_dictionary() -> None:
    aer = pytest.importorskip("qiskit_aer")
    theirs = aer.AerSimulator().configuration()

    ours = configuration_from(theirs).to_dict()

    assert ours == {**theirs.to_dict(), "open_pulse": False}


def test_a_small_dictionary_is_filled_with_what_says_nothing() -> None:
    assert configuration_from(MINIMAL).to_dict() == {
        **MINIMAL,
        "gates": [],
        "local": False,
        "simulator": False,
        "conditional": False,
        "open_pulse": False,
        "memory": False,
        "coupling_map": None,
        "dynamic_reprate_enabled": False,
    }


def test_a_scale_in_json_becomes_a_complex_number() -> None:
    data = fake_provider.FakeManilaV2().configuration().to_dict()
    data["u_channel_lo"] = [[{"q": 1, "scale": [0.5, -1.0]}]]

    config = configuration_from(data)

    assert config.u_channel_lo == [[UchannelLO(1, 0.5 - 1j)]]


def test_a_date_in_json_becomes_a_date() -> None:
    config = configuration_from({**MINIMAL, "online_date": "2021-03-04T00:00:00Z"})

    assert config.online_date == datetime.datetime(2021, 3, 4, tzinfo=datetime.UTC)


@pytest.mark.parametrize("missing", sorted(MINIMAL))
def test_a_dictionary_without_an_essential_is_refused(missing: str) -> None:
    data = {name: value for name, value in MINIMAL.items() if name != missing}

    with pytest.raises(InvalidInputError, match=f"not a usable backend configuration: .*{missing}"):
        configuration_from(data)


@pytest.mark.parametrize("source", [None, 3, "device", SimpleNamespace(n_qubits=1), dict])
@pytest.mark.parametrize("convert", [configuration_from, properties_from])
def test_something_without_a_dictionary_is_refused(convert: Any, source: object) -> None:
    with pytest.raises(InvalidInputError, match=r"can be read from \w+; allowed: our own class"):
        convert(source)


def test_properties_of_ours_come_back_as_they_are() -> None:
    known = BackendProperties("own", "1", "2021-03-04", [], [], [])

    assert properties_from(known) is known


def test_ibms_properties_object_gives_its_own_dictionary(device: Any) -> None:
    theirs = device.properties()

    assert properties_from(theirs).to_dict() == theirs.to_dict()


def test_ibms_properties_give_the_same_look_ups(device: Any) -> None:
    theirs = device.properties()
    ours = properties_from(theirs)

    assert ours.faulty_qubits() == theirs.faulty_qubits()
    assert [ours.qubit_property(q) for q in range(len(ours.qubits))] == [
        theirs.qubit_property(q) for q in range(len(theirs.qubits))
    ]
    for gate in {gate.gate for gate in theirs.gates}:
        assert ours.gate_property(gate) == theirs.gate_property(gate)


def test_dates_of_properties_in_json_become_dates() -> None:
    value = {"date": "2021-03-04T00:00:00Z", "name": "T1", "unit": "us", "value": 1.0}
    gate = {"qubits": [0], "gate": "x", "parameters": [{**value, "name": "gate_error", "unit": ""}]}
    date = datetime.datetime(2021, 3, 4, tzinfo=datetime.UTC)

    known = properties_from(
        {
            "backend_name": "own",
            "backend_version": "1",
            "last_update_date": "2021-03-04T00:00:00Z",
            "qubits": [[value]],
            "gates": [gate],
            "general": [value],
        }
    )

    assert known.last_update_date == date
    assert known.qubit_property(0, "T1") == (1e-6, date)
    assert known.gate_property("x", 0, "gate_error") == (1.0, date)
    assert known.general[0].date == date


def test_properties_without_an_essential_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"not usable backend properties: 'gates'"):
        properties_from({"backend_name": "own"})


def test_properties_in_an_unknown_unit_are_refused_as_such() -> None:
    value = {"date": "2021-03-04", "name": "T1", "unit": "xx", "value": 1.0}

    with pytest.raises(BackendPropertyError, match="Could not understand units: xx"):
        properties_from(
            {
                "backend_name": "own",
                "backend_version": "1",
                "last_update_date": "2021-03-04",
                "qubits": [[value]],
                "gates": [],
                "general": [],
            }
        )
