# SPDX-License-Identifier: Apache-2.0
"""The target that follows from a configuration and properties."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Gate, Instruction
from qiskit.circuit.library import UnitaryGate
from qiskit.transpiler import Target

from qruntime.program.models import (
    BackendProperties,
    GateConfig,
    GateProperties,
    Nduv,
    QasmBackendConfiguration,
    configuration_from,
    properties_from,
)
from qruntime.program.target import target_from

DATE = datetime.datetime(2021, 3, 4, tzinfo=datetime.UTC)
LINE = [[0, 1], [1, 0], [1, 2], [2, 1]]
ONE = {(0,), (1,), (2,)}
TWO = {(0, 1), (1, 0), (1, 2), (2, 1)}


def configuration(**changes: Any) -> QasmBackendConfiguration:
    fields: dict[str, Any] = {
        "backend_name": "device",
        "backend_version": "1",
        "n_qubits": 3,
        "basis_gates": ["rz", "sx", "x", "cx"],
        "coupling_map": LINE,
    }
    return configuration_from({**fields, **changes})


def simulator(**changes: Any) -> QasmBackendConfiguration:
    return configuration(coupling_map=None, simulator=True, **changes)


def qubit(**values: float) -> list[Nduv]:
    units = {"T1": "us", "T2": "us", "frequency": "GHz", "readout_length": "ns"}
    return [Nduv(DATE, name, units.get(name, ""), value) for name, value in values.items()]


def gate(name: str, places: list[int], **values: float) -> GateProperties:
    units = {"gate_length": "ns"}
    return GateProperties(
        places, name, [Nduv(DATE, key, units.get(key, ""), v) for key, v in values.items()]
    )


def properties(qubits: list[list[Nduv]], *gates: GateProperties) -> BackendProperties:
    return BackendProperties("device", "1", DATE, qubits, list(gates), [])


def facts(target: Target) -> dict[str, Any]:
    """Return everything that a target says of its operations."""
    return {
        name: target[name]
        and {
            place: (None, None) if known is None else (known.error, known.duration)
            for place, known in target[name].items()
        }
        for name in target.operation_names
    }


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 2)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize(
    "name",
    ["FakeManilaV2", "FakeArmonkV2", "FakeBurlingtonV2", "FakeMontrealV2", "FakeFez", "FakeBoston"],
)
def test_the_target_of_an_ibm_device_is_the_one_ibm_makes(name: str) -> None:
    fakes = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    converter = pytest.importorskip("qiskit_ibm_runtime.utils.backend_converter")
    device = getattr(fakes, name)()
    theirs = converter.convert_to_target(device.configuration(), device.properties())

    ours = target_from(
        configuration_from(device.configuration()), properties_from(device.properties())
    )

    assert facts(ours) == facts(theirs)
    assert [(q.t1, q.t2, q.frequency) for q in ours.qubit_properties] == [
        (q.t1, q.t2, q.frequency) for q in theirs.qubit_properties
    ]
    for attribute in ("num_qubits", "dt", "granularity", "min_length", "pulse_alignment"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)


def test_faulty_parts_of_an_ibm_device_are_left_out_as_ibm_does() -> None:
    fakes = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    converter = pytest.importorskip("qiskit_ibm_runtime.utils.backend_converter")
    theirs = pytest.importorskip("qiskit_ibm_runtime.models")
    device = fakes.FakeManilaV2()
    data = device.properties().to_dict()
    broken = {"date": DATE, "name": "operational", "unit": "", "value": 0}
    data["qubits"][4].append(broken)
    next(g for g in data["gates"] if g["qubits"] == [0, 1])["parameters"].append(broken)

    ours = target_from(device.configuration(), data)

    assert facts(ours) == facts(
        converter.convert_to_target(
            device.configuration(), theirs.BackendProperties.from_dict(data)
        )
    )


def test_ibms_own_objects_are_read_as_they_are() -> None:
    fakes = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    device = fakes.FakeManilaV2()

    assert facts(target_from(device.configuration(), device.properties())) == facts(
        target_from(
            configuration_from(device.configuration()), properties_from(device.properties())
        )
    )


def test_a_circuit_is_transpiled_for_a_device_with_properties() -> None:
    fakes = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    device = fakes.FakeManilaV2()
    target = target_from(device.configuration(), device.properties())

    done = transpile(bell(), target=target, seed_transpiler=1)

    assert set(done.count_ops()) <= {"rz", "sx", "x", "cx", "measure", "barrier"}
    for instruction in done.get_instructions("cx"):
        place = tuple(done.find_bit(bit).index for bit in instruction.qubits)
        assert target.instruction_supported("cx", place)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_circuit_is_transpiled_for_a_simulator(level: int) -> None:
    target = target_from(simulator())

    done = transpile(bell(), target=target, optimization_level=level, seed_transpiler=1)

    assert set(done.count_ops()) <= {"rz", "sx", "x", "cx", "measure", "barrier"}
    assert done.count_ops()["cx"] == 1


def test_a_circuit_is_transpiled_for_aers_configuration() -> None:
    aer = pytest.importorskip("qiskit_aer")
    circuit = QuantumCircuit(4, 1)
    circuit.append(UnitaryGate([[0, 1], [1, 0]]), [0])
    circuit.initialize([0, 1], 3)
    circuit.ccx(0, 1, 2)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)

    done = transpile(
        circuit, target=target_from(aer.AerSimulator().configuration()), optimization_level=0
    )

    assert set(done.count_ops()) == {"unitary", "initialize", "ccx", "if_else"}


def test_control_flow_survives_transpiling() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.sx(0)
        circuit.measure(0, 0)
        circuit.break_loop()
    config = simulator(basis_gates=["rz", "sx", "while_loop", "break_loop"])

    done = transpile(circuit, target=target_from(config))

    assert set(done.count_ops()) == {"measure", "while_loop"}


def test_without_a_coupling_map_operations_are_everywhere() -> None:
    target = target_from(simulator())

    assert {name: target[name] for name in target.operation_names} == {
        name: {None: None} for name in ("rz", "sx", "x", "cx", "measure", "reset", "delay")
    }
    assert target.num_qubits == 3


def test_a_coupling_map_puts_gates_where_it_says() -> None:
    target = target_from(configuration())

    assert set(target["cx"]) == TWO
    assert {name: set(target[name]) for name in ("x", "measure", "reset", "delay")} == {
        "x": ONE,
        "measure": ONE,
        "reset": ONE,
        "delay": ONE,
    }


def test_a_coupling_map_without_pairs_leaves_no_gate_for_two_qubits() -> None:
    assert "cx" not in target_from(configuration(coupling_map=[])).operation_names


def test_a_gate_of_its_own_places_is_only_there() -> None:
    gates = [{"name": "x", "parameters": [], "qasm_def": "", "coupling_map": [[1]]}]

    assert set(target_from(configuration(gates=gates))["x"]) == {(1,)}


@pytest.mark.parametrize(
    "name",
    ["if_else", "while_loop", "for_loop", "switch_case", "box", "break_loop", "continue_loop"],
)
@pytest.mark.parametrize("where", ["basis_gates", "supported_instructions"])
def test_control_flow_may_be_listed_in_either_place(name: str, where: str) -> None:
    assert name in target_from(configuration(**{where: ["x", name]})).operation_names


def test_what_the_device_does_not_support_is_left_out() -> None:
    target = target_from(configuration(supported_instructions=["x", "delay", "acquire", "u3"]))

    assert set(target.operation_names) == {"rz", "sx", "x", "cx", "delay", "measure"}


def test_a_gate_that_only_the_device_knows_has_its_size_and_parameters() -> None:
    gates = [
        {"name": "fsim", "parameters": ["theta", "phi"], "qasm_def": "", "coupling_map": [[0, 1]]}
    ]

    target = target_from(configuration(basis_gates=["fsim"], gates=gates))

    fsim = target.operation_from_name("fsim")
    assert isinstance(fsim, Gate)
    assert (fsim.num_qubits, [p.name for p in fsim.params]) == (2, ["theta", "phi"])
    assert set(target["fsim"]) == {(0, 1)}


def test_the_size_of_a_gate_may_come_from_its_definition() -> None:
    gates = [{"name": "own", "parameters": ["a"], "qasm_def": "gate own(a) p, q, r { }"}]

    target = target_from(simulator(basis_gates=["own"], gates=gates))

    assert target.operation_from_name("own").num_qubits == 3


def test_an_operation_without_a_definition_is_left_out() -> None:
    gates = [{"name": "odd", "parameters": [], "qasm_def": "opaque"}]

    target = target_from(simulator(basis_gates=["x", "kraus", "save_state", "odd"], gates=gates))

    assert set(target.operation_names) == {"x", "measure", "reset", "delay"}


def test_a_custom_definition_is_used() -> None:
    save = Instruction("save_state", 3, 0, [])

    target = target_from(simulator(basis_gates=["x", "save_state"]), custom={"save_state": save})

    assert target.operation_from_name("save_state") == save


def test_a_custom_class_is_for_any_number_of_qubits() -> None:
    class Spread(Instruction):
        pass

    target = target_from(configuration(basis_gates=["spread"]), custom={"spread": Spread})

    assert target.operation_from_name("spread") is Spread


def test_a_custom_definition_replaces_the_standard_one() -> None:
    own = Gate("x", 1, [], label="own")

    target = target_from(simulator(), custom={"x": own})

    assert target.operation_from_name("x").label == "own"


def test_a_custom_definition_that_is_no_basis_gate_is_left_out() -> None:
    target = target_from(simulator(), custom={"other": Gate("other", 1, [])})

    assert "other" not in target.operation_names


def test_a_second_kind_of_readout_is_in_the_target() -> None:
    signature = {"name": "measure_2", "num_qubits": 1, "num_clbits": 1, "parameters": []}

    target = target_from(configuration(instruction_signatures=[signature]))

    assert target.operation_from_name("measure_2").num_clbits == 1
    assert set(target["measure_2"]) == ONE


def test_errors_and_durations_are_in_si() -> None:
    known = properties(
        [qubit(readout_error=0.02, readout_length=700)] * 3,
        gate("cx", [0, 1], gate_error=0.01, gate_length=300),
        gate("x", [0], gate_error=0.001),
    )

    target = target_from(configuration(), known)

    assert (target["cx"][0, 1].error, target["cx"][0, 1].duration) == (
        0.01,
        pytest.approx(300e-9, rel=1e-14),
    )
    assert (target["x"][(0,)].error, target["x"][(0,)].duration) == (0.001, None)
    assert (target["measure"][(2,)].error, target["measure"][(2,)].duration) == (
        0.02,
        pytest.approx(700e-9, rel=1e-14),
    )


def test_qubits_have_their_coherence_times_and_frequency() -> None:
    known = properties([qubit(T1=50, T2=60, frequency=5), qubit(T1=70)])

    found = target_from(configuration(), known).qubit_properties

    assert [q.t1 for q in found] == [pytest.approx(50e-6), pytest.approx(70e-6), None]
    assert (found[0].t2, found[0].frequency) == (pytest.approx(60e-6), pytest.approx(5e9))


def test_a_faulty_qubit_is_in_no_place() -> None:
    known = properties([qubit(), qubit(), qubit(operational=0)], gate("cx", [1, 2], gate_error=0.1))

    target = target_from(configuration(), known)

    assert all(2 not in place for name in target.operation_names for place in target[name])
    assert set(target["x"]) == {(0,), (1,)}


def test_a_faulty_qubit_of_a_device_that_couples_all_is_in_no_place() -> None:
    known = properties([qubit(), qubit(operational=0), qubit()])

    target = target_from(configuration(coupling_map=None), known)

    assert set(target["cx"]) == {(0, 2), (2, 0)}
    assert set(target["measure"]) == {(0,), (2,)}


def test_a_faulty_gate_is_left_out() -> None:
    gates = [{"name": "cx", "parameters": [], "qasm_def": "", "coupling_map": LINE}]
    known = properties([qubit()] * 3, gate("cx", [0, 1], operational=0, gate_error=0.5))

    target = target_from(configuration(gates=gates), known)

    assert set(target["cx"]) == TWO - {(0, 1)}


def test_timing_is_in_the_target() -> None:
    timing = {"granularity": 16, "min_length": 64, "pulse_alignment": 8, "acquire_alignment": 4}

    target = target_from(configuration(dt=0.25, timing_constraints={**timing, "dt": 1}))

    assert target.dt == 0.25e-9
    assert {name: getattr(target, name) for name in timing} == timing


def test_any_object_with_the_attributes_will_do() -> None:
    config = SimpleNamespace(num_qubits=2, basis_gates=["x", "cx"], coupling_map=[(0, 1)])

    target = target_from(config)

    assert target.num_qubits == 2
    assert set(target["cx"]) == {(0, 1)}


def test_a_gate_config_object_will_do() -> None:
    config = SimpleNamespace(
        n_qubits=2, basis_gates=["x"], coupling_map=[], gates=[GateConfig("x", [], "", [[1]])]
    )

    assert set(target_from(config)["x"]) == {(1,)}
