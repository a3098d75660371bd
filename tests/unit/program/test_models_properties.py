# SPDX-License-Identifier: Apache-2.0
"""Looking up what was measured on a device."""

from __future__ import annotations

import copy
import datetime
import pickle
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.exceptions import QiskitError

from qruntime.program.models import (
    BackendConfigurationError,
    BackendProperties,
    BackendPropertyError,
    GateProperties,
    Nduv,
)

DATE = datetime.datetime(2021, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)


def qubit(operational: int | None = None) -> list[Nduv]:
    values = [
        Nduv(DATE, "T1", "us", 50.0),
        Nduv(DATE, "T2", "µs", 60.0),
        Nduv(DATE, "frequency", "GHz", 5.1),
        Nduv(DATE, "readout_error", "", 0.02),
        Nduv(DATE, "readout_length", "ns", 700.0),
    ]
    return values if operational is None else [*values, Nduv(DATE, "operational", "", operational)]


CX = GateProperties(
    [0, 1],
    "cx",
    [Nduv(DATE, "gate_error", "", 0.01), Nduv(DATE, "gate_length", "ns", 300.0)],
    name="cx0_1",
)
BROKEN_X = GateProperties([2], "x", [Nduv(DATE, "operational", "", 0)])
X = GateProperties([1], "x", [Nduv(DATE, "operational", "", 1), Nduv(DATE, "gate_error", "", 0)])


def properties(**changes: Any) -> BackendProperties:
    fields: dict[str, Any] = {
        "backend_name": "device",
        "backend_version": "1.0",
        "last_update_date": DATE,
        "qubits": [qubit(1), qubit(0), qubit(None)],
        "gates": [CX, BROKEN_X, X],
        "general": [Nduv(DATE, "jq_01", "kHz", 2.0)],
    }
    return BackendProperties(**{**fields, **changes})


@pytest.mark.parametrize(
    ("look_up", "value"),
    [
        ("t1", 50e-6),
        ("t2", 60e-6),
        ("frequency", 5.1e9),
        ("readout_error", 0.02),
        ("readout_length", 700e-9),
    ],
)
def test_a_qubit_is_looked_up_in_si(look_up: str, value: float) -> None:
    assert getattr(properties(), look_up)(0) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    ("look_up", "name"),
    [
        ("t1", "T1"),
        ("t2", "T2"),
        ("frequency", "frequency"),
        ("readout_error", "readout_error"),
        ("readout_length", "readout_length"),
    ],
)
@pytest.mark.parametrize("index", [3, -1])
def test_a_qubit_that_is_not_there_is_named(look_up: str, name: str, index: int) -> None:
    message = f"Couldn't find the property '{name}' for qubit {index}."

    with pytest.raises(BackendPropertyError, match=re.escape(message)):
        getattr(properties(), look_up)(index)


def test_all_values_of_a_missing_qubit_have_their_own_message() -> None:
    with pytest.raises(BackendPropertyError, match=r"Couldn't find the properties for qubit 7\."):
        properties().qubit_property(7)


def test_a_value_that_was_not_measured_is_named() -> None:
    message = r"Couldn't find the property 'colour' for qubit 0\."

    with pytest.raises(BackendPropertyError, match=message):
        properties().qubit_property(0, "colour")


def test_a_qubit_property_comes_with_its_date() -> None:
    assert properties().qubit_property(0, "T1") == (50e-6, DATE)
    assert set(properties().qubit_property(2)) == {
        "T1",
        "T2",
        "frequency",
        "readout_error",
        "readout_length",
    }


def test_what_a_look_up_returns_can_be_changed_without_harm() -> None:
    known = properties()

    known.qubit_property(0).clear()
    known.gate_property("cx").clear()
    known.gate_property("cx", [0, 1]).clear()

    assert known.t1(0) == 50e-6
    assert known.gate_error("cx", [0, 1]) == 0.01


def test_a_gate_is_looked_up_by_its_qubits() -> None:
    known = properties()

    assert known.gate_property("cx", (0, 1), "gate_error") == (0.01, DATE)
    assert known.gate_property("x", 1, "gate_error") == (0, DATE)
    assert known.gate_error("cx", [0, 1]) == 0.01
    assert known.gate_length("cx", [0, 1]) == pytest.approx(300e-9, rel=1e-14)


def test_a_gate_without_qubits_gives_all_places() -> None:
    assert set(properties().gate_property("x")) == {(1,), (2,)}


def test_a_value_of_a_gate_needs_its_qubits() -> None:
    with pytest.raises(BackendPropertyError, match="Provide qubits to get gate_error of cx"):
        properties().gate_property("cx", None, "gate_error")


@pytest.mark.parametrize(
    ("gate", "qubits", "name"),
    [("cx", [1, 0], None), ("cx", [0, 1], "colour"), ("swap", None, None), ("x", 0, "gate_error")],
)
def test_a_gate_that_was_not_measured_is_named(gate: str, qubits: Any, name: Any) -> None:
    message = f"Could not find the desired property for {gate}"

    with pytest.raises(BackendPropertyError, match=message):
        properties().gate_property(gate, qubits, name)


def test_a_gate_length_that_was_not_measured_is_refused() -> None:
    with pytest.raises(BackendPropertyError, match="Could not find the desired property for x"):
        properties().gate_length("x", 1)


def test_faulty_qubits_are_those_reported_so() -> None:
    assert properties().faulty_qubits() == [1]


def test_faulty_gates_are_those_reported_so() -> None:
    assert properties().faulty_gates() == [BROKEN_X]


@pytest.mark.parametrize(("index", "works"), [(0, True), (1, False), (2, True)])
def test_a_qubit_works_unless_it_says_otherwise(index: int, works: bool) -> None:
    assert properties().is_qubit_operational(index) is works


@pytest.mark.parametrize(("gate", "place", "works"), [("cx", [0, 1], 1), ("x", 2, 0), ("x", 1, 1)])
def test_a_gate_works_unless_it_says_otherwise(gate: str, place: Any, works: int) -> None:
    assert properties().is_gate_operational(gate, place) is bool(works)


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("", 3.0),
        ("s", 3.0),
        ("ms", 3e-3),
        ("us", 3e-6),
        ("µs", 3e-6),
        ("ns", 3e-9),
        ("ps", 3e-12),
        ("fs", 3e-15),
        ("Hz", 3.0),
        ("kHz", 3e3),
        ("MHz", 3e6),
        ("GHz", 3e9),
        ("THz", 3e12),
        ("%", 3.0),
    ],
)
def test_a_unit_with_a_prefix_is_understood(unit: str, value: float) -> None:
    known = properties(qubits=[[Nduv(DATE, "T1", unit, 3.0)]])

    assert known.t1(0) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("unit", ["xx", "KHz", "dB", "dt"])
def test_an_unknown_unit_is_refused(unit: str) -> None:
    with pytest.raises(BackendPropertyError, match=f"Could not understand units: {unit}"):
        properties(qubits=[[Nduv(DATE, "T1", unit, 1.0)]])


@pytest.mark.parametrize(
    "text", ["2021-03-04T05:06:07Z", "2021-03-04T05:06:07+00:00", "2021-03-04T00:06:07-05:00"]
)
def test_the_date_of_the_last_update_may_be_text(text: str) -> None:
    assert properties(last_update_date=text).last_update_date == DATE


def test_a_text_that_is_no_date_is_refused() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        properties(last_update_date="yesterday")


def test_unknown_keywords_are_kept() -> None:
    known = properties(general_qlists=[1])

    assert known.general_qlists == [1]
    assert known.to_dict()["general_qlists"] == [1]
    assert CX.name == "cx0_1"


def test_a_missing_attribute_is_named_in_the_error() -> None:
    with pytest.raises(AttributeError, match=r"^Attribute colour is not defined$"):
        _ = properties().colour


def test_to_dict_gives_the_units_that_were_given() -> None:
    assert properties(qubits=[qubit()[:1]], gates=[CX], general=[]).to_dict() == {
        "backend_name": "device",
        "backend_version": "1.0",
        "last_update_date": DATE,
        "qubits": [[{"date": DATE, "name": "T1", "unit": "us", "value": 50.0}]],
        "gates": [
            {
                "qubits": [0, 1],
                "gate": "cx",
                "parameters": [
                    {"date": DATE, "name": "gate_error", "unit": "", "value": 0.01},
                    {"date": DATE, "name": "gate_length", "unit": "ns", "value": 300.0},
                ],
                "name": "cx0_1",
            }
        ],
        "general": [],
    }


@given(value=st.floats(1e-6, 1e6), unit=st.sampled_from(["", "s", "us", "ns", "GHz"]))
@settings(deadline=None, max_examples=30)
def test_properties_survive_their_dictionary(value: float, unit: str) -> None:
    known = properties(qubits=[[Nduv(DATE, "T1", unit, value)]])

    assert BackendProperties.from_dict(known.to_dict()) == known


def test_the_dictionary_given_stays_as_it_was() -> None:
    data = properties().to_dict()
    before = copy.deepcopy(data)

    BackendProperties.from_dict(data)

    assert data == before


@pytest.mark.parametrize(
    "item", [properties(extra=1), CX, qubit()[0]], ids=lambda i: type(i).__name__
)
def test_a_copy_is_equal(item: Any) -> None:
    assert copy.copy(item) == item
    assert copy.deepcopy(item) == item
    assert pickle.loads(pickle.dumps(item)) == item


def test_properties_with_other_data_differ() -> None:
    assert properties() != properties(backend_name="other")
    assert properties() != properties().to_dict()


def test_a_value_shows_what_it_is() -> None:
    assert repr(Nduv(DATE, "T1", "us", 50.0)) == f"Nduv({DATE!r}, T1, us, 50.0)"


@pytest.mark.parametrize("error", [BackendPropertyError, BackendConfigurationError])
def test_the_errors_are_caught_as_errors_of_qiskit(error: type[Exception]) -> None:
    assert issubclass(error, QiskitError)
