# SPDX-License-Identifier: Apache-2.0
"""What a configuration keeps, converts, hides and gives back."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qruntime.program.models import (
    BackendConfiguration,
    GateConfig,
    QasmBackendConfiguration,
)

CX = GateConfig("cx", [], "gate cx q0,q1 { CX q0,q1; }", coupling_map=[[0, 1]])


def configuration(**changes: Any) -> QasmBackendConfiguration:
    fields: dict[str, Any] = {
        "backend_name": "device",
        "backend_version": "1.2.3",
        "n_qubits": 2,
        "basis_gates": ["rz", "sx", "cx"],
        "gates": [CX],
        "local": False,
        "simulator": False,
        "conditional": False,
        "open_pulse": False,
        "memory": True,
        "max_shots": 8192,
        "coupling_map": [[0, 1]],
    }
    return QasmBackendConfiguration(**{**fields, **changes})


UNITS = {
    "dt": (0.2222, 0.2222e-9),
    "dtm": (10.5, 10.5e-9),
    "rep_delay_range": ([0.0, 500.0], [0.0, 500e-6]),
    "default_rep_delay": (250.0, 250e-6),
    "rep_times": ([1000, 2000], [1e-3, 2e-3]),
    "qubit_lo_range": ([[4.5, 5.5]], [[4.5e9, 5.5e9]]),
    "meas_lo_range": ([[6.5, 7.5]], [[6.5e9, 7.5e9]]),
}


def flat(value: Any) -> list[float]:
    return [item for part in value for item in flat(part)] if isinstance(value, list) else [value]


def doubled(value: Any) -> Any:
    return [doubled(part) for part in value] if isinstance(value, list) else 2 * value


@pytest.mark.parametrize("name", UNITS)
def test_a_value_with_a_unit_is_an_attribute_in_si(name: str) -> None:
    outside, inside = UNITS[name]

    assert flat(getattr(configuration(**{name: outside}), name)) == pytest.approx(
        flat(inside), rel=1e-14, abs=0
    )


@pytest.mark.parametrize("name", UNITS)
def test_to_dict_gives_a_value_back_exactly_as_it_was_given(name: str) -> None:
    outside, _ = UNITS[name]

    assert configuration(**{name: outside}).to_dict()[name] == outside


@pytest.mark.parametrize("name", UNITS)
def test_a_changed_attribute_is_converted_back(name: str) -> None:
    outside, inside = UNITS[name]
    config = configuration(**{name: outside})

    setattr(config, name, doubled(inside))

    assert flat(config.to_dict()[name]) == pytest.approx(flat(doubled(outside)), rel=1e-14, abs=0)


def test_a_list_changed_in_place_is_seen_by_to_dict() -> None:
    config = configuration(qubit_lo_range=[[4.5, 5.5]])

    config.qubit_lo_range[0][0] = 2e9

    assert config.to_dict()["qubit_lo_range"] == [[2.0, 5.5]]


@given(
    dt=st.floats(1e-3, 1e3),
    delays=st.lists(st.floats(0, 1e6), min_size=2, max_size=2),
    ranges=st.lists(st.lists(st.floats(0, 20), min_size=2, max_size=2), max_size=3),
)
@settings(deadline=None, max_examples=50)
def test_a_configuration_survives_its_dictionary(
    dt: float, delays: list[float], ranges: list[list[float]]
) -> None:
    config = configuration(dt=dt, rep_delay_range=delays, qubit_lo_range=ranges)

    assert QasmBackendConfiguration.from_dict(config.to_dict()) == config


def test_the_dictionary_given_stays_as_it_was() -> None:
    data = configuration(dt=0.5, qubit_lo_range=[[4.5, 5.5]]).to_dict()
    before = copy.deepcopy(data)

    config = QasmBackendConfiguration.from_dict(data)
    config.qubit_lo_range[0][0] = 1.0
    config.to_dict()["qubit_lo_range"][0][0] = 7.0

    assert data == before


def test_later_changes_of_what_was_given_or_returned_do_not_reach_the_configuration() -> None:
    ranges = [[6.5, 7.5]]
    config = configuration(meas_lo_range=ranges)

    ranges[0][0] = 1.0
    config.to_dict()["meas_lo_range"][0][0] = 2.0

    assert config.to_dict()["meas_lo_range"] == [[6.5, 7.5]]


def test_the_smallest_configuration_has_no_other_fields() -> None:
    assert configuration().to_dict() == {
        "backend_name": "device",
        "backend_version": "1.2.3",
        "n_qubits": 2,
        "basis_gates": ["rz", "sx", "cx"],
        "gates": [
            {
                "name": "cx",
                "parameters": [],
                "qasm_def": "gate cx q0,q1 { CX q0,q1; }",
                "coupling_map": [[0, 1]],
            }
        ],
        "local": False,
        "simulator": False,
        "conditional": False,
        "open_pulse": False,
        "memory": True,
        "max_shots": 8192,
        "coupling_map": [[0, 1]],
        "dynamic_reprate_enabled": False,
    }


OPTIONAL = [
    "supported_instructions",
    "rep_delay_range",
    "default_rep_delay",
    "max_experiments",
    "sample_name",
    "n_registers",
    "register_map",
    "configurable",
    "credits_required",
    "online_date",
    "display_name",
    "description",
    "tags",
    "dt",
    "dtm",
    "processor_type",
    "parametric_pulses",
]


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_attribute_is_absent_unless_given(name: str) -> None:
    assert not hasattr(configuration(), name)
    assert not hasattr(configuration(**{name: None}), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_experiments", 0),
        ("n_registers", 0),
        ("register_map", []),
        ("rep_delay_range", []),
        ("supported_instructions", []),
    ],
)
def test_an_empty_limit_counts_as_not_given(name: str, value: object) -> None:
    assert name not in configuration(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("credits_required", False), ("configurable", False), ("sample_name", ""), ("tags", [])],
)
def test_other_empty_values_are_kept(name: str, value: object) -> None:
    assert configuration(**{name: value}).to_dict()[name] == value


def test_without_a_known_limit_of_shots_the_attribute_is_absent() -> None:
    config = configuration(max_shots=None)

    assert not hasattr(config, "max_shots")
    assert "max_shots" not in config.to_dict()


def test_an_unknown_keyword_is_an_attribute() -> None:
    assert configuration(quantum_volume=32).quantum_volume == 32


def test_an_unknown_keyword_is_in_the_dictionary() -> None:
    assert configuration(quantum_volume=32).to_dict()["quantum_volume"] == 32


def test_a_new_value_of_an_unknown_keyword_is_in_the_dictionary() -> None:
    config = configuration(quantum_volume=32)

    config.quantum_volume = 64

    assert config.to_dict()["quantum_volume"] == 64


def test_a_missing_attribute_is_named_in_the_error() -> None:
    with pytest.raises(AttributeError, match=r"^Attribute max_experiments is not defined$"):
        _ = configuration().max_experiments


def test_num_qubits_is_another_name_of_n_qubits() -> None:
    assert configuration(n_qubits=7).num_qubits == 7


def test_in_tells_which_fields_were_given() -> None:
    config = configuration(dt=0.2, quantum_volume=32)

    names = ("backend_name", "dt", "dtm", "quantum_volume")
    assert [name in config for name in names] == [True, True, False, False]


def test_configurations_with_the_same_dictionary_are_equal() -> None:
    assert configuration(dt=0.2, extra=[1]) == configuration(dt=0.2, extra=[1])


@pytest.mark.parametrize("other", [configuration(dt=0.3), configuration(dt=0.2).to_dict(), None, 1])
def test_a_configuration_is_not_equal_to_something_else(other: object) -> None:
    assert configuration(dt=0.2) != other


def test_a_subclass_with_the_same_dictionary_is_equal_from_both_sides() -> None:
    class Own(QasmBackendConfiguration):
        pass

    own = Own.from_dict(configuration().to_dict())

    assert own == configuration()
    assert configuration() == own


def test_a_configuration_cannot_be_hashed() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(configuration())


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda item: pickle.loads(pickle.dumps(item))]
)
def test_a_copy_is_equal_and_keeps_its_attributes(duplicate: Any) -> None:
    config = configuration(dt=0.2222, extra=1, rep_times=[1000])
    twin = duplicate(config)

    assert twin == config
    assert (twin.extra, twin.dt) == (1, config.dt)


def test_a_required_field_that_is_missing_is_named() -> None:
    with pytest.raises(TypeError, match="coupling_map"):
        QasmBackendConfiguration("a", "1", 1, [], [], True, True, False, False, False, 1)


def test_both_names_of_the_class_are_one() -> None:
    assert BackendConfiguration is QasmBackendConfiguration


def test_a_gate_shows_what_was_given() -> None:
    gate = GateConfig("cx", ["a"], "q", [[0, 1]], [[0, 1]], True, "two qubits")

    assert repr(gate) == "GateConfig(cx, ['a'], q, [[0, 1]], [[0, 1]], True, 'two qubits')"
    assert repr(GateConfig("x", [], "q")) == "GateConfig(x, [], q)"


def test_a_gate_keeps_only_what_was_given() -> None:
    gate = GateConfig("x", [], "q", coupling_map=[], latency_map=[], conditional=False)

    assert gate.to_dict() == {"name": "x", "parameters": [], "qasm_def": "q", "conditional": False}


def test_a_gate_survives_its_dictionary() -> None:
    assert GateConfig.from_dict(CX.to_dict()) == CX
    assert CX.to_dict() != CX


def test_a_gate_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        GateConfig.from_dict({**CX.to_dict(), "colour": "red"})


def test_importing_the_models_is_light() -> None:
    heavy = "['qiskit_aer', 'qiskit_ibm_runtime', 'pydantic', 'dateutil', 'jsonschema_rs']"
    code = (
        "import sys, qruntime.program.models, qruntime.program.target;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
