# SPDX-License-Identifier: Apache-2.0
"""``ProgramBackend`` row by row, and what Qiskit 2 does with a class that only fills it in."""

from __future__ import annotations

import copy
import json
import pickle
from abc import ABC
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit.result import Result
from qiskit.transpiler import InstructionDurations, Target, generate_preset_pass_manager

from qruntime import (
    BackendConfiguration,
    BackendProperties,
    BackendV1,
    FinishedJob,
    GateConfig,
    ProgramBackend,
    ProviderV1,
    QRuntimeError,
)


class SmallDevice(ProgramBackend):
    """Three qubits in a line, computed exactly: what a device author writes, and no more."""

    @classmethod
    def _default_options(cls) -> Options:
        options = Options(shots=1024, memory=False, seed_simulator=7)
        options.set_validator("shots", (1, 4096))
        return options

    def run(self, circuits: Any, timeout: float | None = None, **run_config: Any) -> FinishedJob:
        circuits = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
        options = {**dict(self.options), **run_config}
        rng = np.random.default_rng(options["seed_simulator"])
        return FinishedJob(self, Result.from_dict(_sampled(circuits, options["shots"], rng)))


def _sampled(circuits: list[QuantumCircuit], shots: int, rng: np.random.Generator) -> Any:
    return {
        "success": True,
        "results": [
            {
                "shots": shots,
                "success": True,
                "data": _outcome(circuit, shots, rng),
                "header": {
                    "name": circuit.name,
                    "memory_slots": circuit.num_clbits,
                    "creg_sizes": [[register.name, register.size] for register in circuit.cregs],
                },
            }
            for circuit in circuits
        ],
    }


def _outcome(circuit: QuantumCircuit, shots: int, rng: np.random.Generator) -> dict[str, Any]:
    measured = {
        circuit.find_bit(item.clbits[0]).index: circuit.find_bit(item.qubits[0]).index
        for item in circuit.data
        if item.operation.name == "measure"
    }
    unitary = circuit.remove_final_measurements(inplace=False)
    bits = [measured[clbit] for clbit in sorted(measured)]
    chances = Statevector(unitary).probabilities(bits)
    values = rng.choice(len(chances), size=shots, p=chances / chances.sum())
    memory = [
        hex(sum((value >> place & 1) << clbit for place, clbit in enumerate(sorted(measured))))
        for value in values.tolist()
    ]
    return {"counts": {key: memory.count(key) for key in sorted(set(memory))}, "memory": memory}


LINE = [[0, 1], [1, 0], [1, 2], [2, 1]]


def configuration(**more: Any) -> BackendConfiguration:
    return BackendConfiguration(
        backend_name="small",
        backend_version="1.2",
        n_qubits=3,
        basis_gates=["rz", "sx", "x", "cx"],
        gates=[GateConfig("cx", [], "gate cx a,b { CX a,b; }", coupling_map=LINE)],
        local=True,
        simulator=True,
        conditional=False,
        open_pulse=False,
        memory=True,
        max_shots=4096,
        coupling_map=LINE,
        **more,
    )


def qubit(t1: float, error: float) -> list[dict[str, Any]]:
    date = "2021-03-04T00:00:00+00:00"
    return [
        {"date": date, "name": "T1", "unit": "us", "value": t1},
        {"date": date, "name": "T2", "unit": "us", "value": t1},
        {"date": date, "name": "frequency", "unit": "GHz", "value": 5.0},
        {"date": date, "name": "readout_error", "unit": "", "value": error},
        {"date": date, "name": "prob_meas0_prep1", "unit": "", "value": error * 1.5},
        {"date": date, "name": "prob_meas1_prep0", "unit": "", "value": error * 0.5},
        {"date": date, "name": "readout_length", "unit": "ns", "value": 700},
    ]


def gate(name: str, qubits: list[int], error: float, length: float) -> dict[str, Any]:
    date = "2021-03-04T00:00:00+00:00"
    return {
        "gate": name,
        "name": name + "_".join(map(str, qubits)),
        "qubits": qubits,
        "parameters": [
            {"date": date, "name": "gate_error", "unit": "", "value": error},
            {"date": date, "name": "gate_length", "unit": "ns", "value": length},
        ],
    }


PROPERTIES = BackendProperties.from_dict(
    {
        "backend_name": "small",
        "backend_version": "1.2",
        "last_update_date": "2021-03-04T00:00:00+00:00",
        "qubits": [qubit(80.0, 0.02), qubit(90.0, 0.03), qubit(100.0, 0.04)],
        "gates": [
            *(gate("sx", [place], 0.0003, 35.5) for place in range(3)),
            *(gate("x", [place], 0.0003, 35.5) for place in range(3)),
            *(gate("rz", [place], 0.0, 0.0) for place in range(3)),
            *(gate("cx", pair, 0.01, 300.0) for pair in LINE),
        ],
        "general": [],
    }
)


class CalibratedDevice(SmallDevice):
    def properties(self) -> BackendProperties:
        return PROPERTIES


@pytest.fixture
def device() -> SmallDevice:
    return SmallDevice(configuration())


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, name="bell")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


# The seed's rows: bases and abstract members


def test_its_bases_are_backend_v1_and_abc() -> None:
    assert ProgramBackend.__bases__ == (BackendV1, ABC)


def test_a_backend_of_version_1_is_a_backend_of_qiskit_2(device: SmallDevice) -> None:
    assert isinstance(device, BackendV1)
    assert isinstance(device, BackendV2)


def test_exactly_run_and_default_options_are_abstract() -> None:
    assert ProgramBackend.__abstractmethods__ == {"run", "_default_options"}


@pytest.mark.parametrize("missing", ["run", "_default_options"])
def test_a_class_without_one_of_them_cannot_be_instantiated(missing: str) -> None:
    members = {
        "run": SmallDevice.run,
        "_default_options": SmallDevice.__dict__["_default_options"],
    }
    del members[missing]

    with pytest.raises(TypeError, match=missing):
        type("Unfinished", (ProgramBackend,), members)(configuration())


def test_version_is_1(device: SmallDevice) -> None:
    assert ProgramBackend.version == 1
    assert device.version == 1


# configuration


def test_configuration_returns_the_very_object_given() -> None:
    given = configuration()

    assert SmallDevice(given).configuration() is given


def test_any_object_with_the_attributes_is_a_configuration() -> None:
    given = SimpleNamespace(
        backend_name="plain", n_qubits=2, basis_gates=["rz", "sx", "cx"], coupling_map=None
    )

    device = SmallDevice(given)

    assert device.configuration() is given
    assert str(device.name) == "plain"
    assert device.num_qubits == 2
    assert transpile(bell(), device).count_ops()["measure"] == 2


def test_configuration_and_provider_can_be_keywords_as_old_devices_pass_them() -> None:
    provider = object()

    device = SmallDevice(configuration=configuration(), provider=provider, shots=5)

    assert device.provider() is provider
    assert device.options.shots == 5


# name


def test_name_is_text_and_can_be_called(device: SmallDevice) -> None:
    assert device.name == "small"
    assert device.name() == "small"
    assert isinstance(device.name, str)
    assert type(device.name()) is str


def test_name_can_be_set_as_in_qiskit_2(device: SmallDevice) -> None:
    device.name = "renamed"

    assert device.name == "renamed"
    assert device.name() == "renamed"
    assert device.status().backend_name == "renamed"


def test_name_follows_the_configuration_until_it_is_set(device: SmallDevice) -> None:
    device.configuration().backend_name = "moved"

    assert device.name == "moved"


def test_str_is_the_name_and_repr_has_the_class(device: SmallDevice) -> None:
    assert str(device) == "small"
    assert repr(device) == "<SmallDevice('small')>"


# properties, defaults, status


def test_properties_are_none_unless_a_device_has_them(device: SmallDevice) -> None:
    assert device.properties() is None
    assert CalibratedDevice(configuration()).properties().t1(0) == pytest.approx(80e-6)


def test_defaults_are_none(device: SmallDevice) -> None:
    assert device.defaults() is None


def test_status_is_operational_with_no_pending_jobs(device: SmallDevice) -> None:
    status = device.status()

    assert status.to_dict() == {
        "backend_name": "small",
        "backend_version": "1",
        "operational": True,
        "pending_jobs": 0,
        "status_msg": "",
    }


# provider


def test_without_a_provider_it_is_falsy_and_calling_it_gives_none(device: SmallDevice) -> None:
    assert not device.provider
    assert device.provider() is None
    assert device.provider == None  # noqa: E711  old code compares like this


def test_our_own_provider_comes_back_as_it_is() -> None:
    class Lab(ProviderV1):
        def backends(self, name: str | None = None, **kwargs: Any) -> list[Any]:
            return [device]

    lab = Lab()
    device = SmallDevice(configuration(), lab)

    assert device.provider is lab
    assert device.provider() is lab
    assert device.provider().get_backend("small") is device


def test_any_object_can_be_the_provider() -> None:
    class Lab:
        backends = ("a", "b")

    lab = Lab()
    device = SmallDevice(configuration(), lab)

    assert device.provider() is lab
    assert device.provider.backends == ("a", "b")
    assert isinstance(device.provider, Lab)
    assert device.provider == lab


# fields, options, set_options


def test_fields_override_default_options() -> None:
    device = SmallDevice(configuration(), shots=10)

    assert device.options.shots == 10
    assert device.options.memory is False


def test_an_unknown_field_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Options field color is not valid for this backend"):
        SmallDevice(configuration(), color="red")


def test_the_error_for_an_unknown_field_is_of_our_tree_and_has_the_nearest_name(
    device: SmallDevice,
) -> None:
    with pytest.raises(QRuntimeError, match="did you mean 'shots'"):
        device.set_options(shotz=1)


@pytest.mark.parametrize("fields", [{"shots": 5, "color": 1}, {"memory": True, "shots": 0}])
def test_set_options_writes_all_fields_or_none(
    device: SmallDevice, fields: dict[str, object]
) -> None:
    before = dict(device.options)

    with pytest.raises((AttributeError, ValueError)):
        device.set_options(**fields)

    assert dict(device.options) == before


def test_a_validator_refuses_a_field_of_the_constructor_too() -> None:
    with pytest.raises(ValueError, match="shots"):
        SmallDevice(configuration(), shots=5000)


def test_options_are_live(device: SmallDevice) -> None:
    options = device.options

    device.set_options(shots=99)

    assert options.shots == 99
    assert device.options is options


def test_options_belong_to_one_instance_even_if_the_author_hands_out_one_object() -> None:
    shared = Options(shots=1)

    class Careless(SmallDevice):
        @classmethod
        def _default_options(cls) -> Options:
            return shared

    first, second = Careless(configuration()), Careless(configuration())

    first.set_options(shots=2)

    assert second.options.shots == 1


# limits and timing that follow from the configuration


def test_max_circuits_is_max_experiments_or_none(device: SmallDevice) -> None:
    assert device.max_circuits is None
    assert SmallDevice(configuration(max_experiments=75)).max_circuits == 75


def test_dtm_and_meas_map_come_from_the_configuration() -> None:
    device = SmallDevice(configuration(dtm=0.5, meas_map=[[0, 1], [2]]))

    assert device.dtm == pytest.approx(0.5e-9)
    assert device.meas_map == [[0, 1], [2]]


@pytest.mark.parametrize("member", ["dtm", "meas_map"])
def test_dtm_and_meas_map_that_are_not_stated_are_not_implemented(
    device: SmallDevice, member: str
) -> None:
    with pytest.raises(NotImplementedError, match=member):
        getattr(device, member)


# target


def test_the_target_is_built_at_the_first_look_and_kept() -> None:
    class Counting(SmallDevice):
        looks = 0

        def properties(self) -> None:
            self.looks += 1

    device = Counting(configuration())
    looks_before = device.looks

    assert device.target is device.target
    assert (looks_before, device.looks) == (0, 1)


def test_the_target_has_the_configuration_and_the_properties() -> None:
    target = CalibratedDevice(configuration()).target

    assert target.num_qubits == 3
    assert target["cx"][(0, 1)].error == pytest.approx(0.01)
    assert target["measure"][(2,)].error == pytest.approx(0.04)
    assert (0, 2) not in target["cx"]


def test_a_target_that_is_given_is_the_target() -> None:
    target = Target(num_qubits=5)

    assert SmallDevice(configuration(), target=target).target is target


def test_a_backend_can_be_copied(device: SmallDevice) -> None:
    twin = copy.deepcopy(device)

    twin.set_options(shots=3)

    assert twin.name() == "small"
    assert device.options.shots == 1024


def test_a_backend_can_be_pickled() -> None:
    device = SmallDevice(configuration(), shots=12)

    twin = pickle.loads(pickle.dumps(device))

    assert (twin.name(), twin.options.shots, twin.num_qubits) == ("small", 12, 3)


# A class with only `_default_options` and `run` in Qiskit's tools


def test_run_may_be_called_and_its_job_has_finished(device: SmallDevice) -> None:
    job = device.run(transpile(bell(), device), shots=100)

    assert job.done()
    assert set(job.result().get_counts()) == {"00", "11"}


def test_transpile_respects_the_device(device: SmallDevice) -> None:
    circuit = QuantumCircuit(3)
    circuit.cx(0, 2)
    circuit.h(1)

    found = transpile(circuit, device, seed_transpiler=1)

    assert set(found.count_ops()) <= {"rz", "sx", "x", "cx"}
    assert {
        tuple(found.find_bit(qubit).index for qubit in item.qubits)
        for item in found.data
        if item.operation.name == "cx"
    } <= {(0, 1), (1, 0), (1, 2), (2, 1)}


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_preset_pass_managers_take_it(device: SmallDevice, level: int) -> None:
    found = generate_preset_pass_manager(level, backend=device, seed_transpiler=1).run(bell())

    assert set(found.count_ops()) <= {"rz", "sx", "x", "cx", "measure", "barrier"}


def test_the_sampler_of_qiskit_takes_it(device: SmallDevice) -> None:
    circuit = transpile(bell(), device)

    counts = BackendSamplerV2(backend=device).run([circuit], shots=200).result()[0].data.meas

    assert set(counts.get_counts()) == {"00", "11"}


def test_the_estimator_of_qiskit_takes_it(device: SmallDevice) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    found = transpile(circuit, device, initial_layout=[0, 1])
    observable = SparsePauliOp("ZZ").apply_layout(found.layout)

    value = BackendEstimatorV2(backend=device).run([(found, observable)]).result()[0].data.evs

    assert float(value) == pytest.approx(1.0)


def test_instruction_durations_come_from_the_properties() -> None:
    device = CalibratedDevice(configuration())

    assert device.instruction_durations.get("cx", (0, 1), "s") == pytest.approx(300e-9)
    assert InstructionDurations.from_backend(device).get("measure", 2, "s") == pytest.approx(700e-9)


def test_qubit_properties_come_from_the_properties() -> None:
    assert CalibratedDevice(configuration()).qubit_properties(1).t1 == pytest.approx(90e-6)


def test_aers_noise_model_has_readout_errors_of_both_kinds() -> None:
    from qiskit_aer.noise import NoiseModel

    with pytest.warns(DeprecationWarning, match="V1"):
        model = NoiseModel.from_backend(CalibratedDevice(configuration()))

    table = model.to_dict()["errors"]
    readout = next(entry for entry in table if entry["type"] == "roerror")
    assert readout["probabilities"] == [
        pytest.approx([0.99, 0.01]),
        pytest.approx([0.03, 0.97]),
    ]


def test_aer_simulates_it_with_its_noise() -> None:
    from qiskit_aer import AerSimulator

    device = CalibratedDevice(configuration())
    with pytest.warns(DeprecationWarning, match="V1"):
        simulator = AerSimulator.from_backend(device)
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)

    counts = simulator.run(circuit, shots=4000, seed_simulator=1).result().get_counts()

    assert 60 < counts["0"] < 200


@pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated:DeprecationWarning")
def test_ibms_sampler_takes_it_in_local_mode(device: SmallDevice) -> None:
    from qiskit_ibm_runtime import SamplerV2

    circuit = transpile(bell(), device)

    counts = SamplerV2(mode=device).run([circuit], shots=100).result()[0].data.meas.get_counts()

    assert set(counts) == {"00", "11"}


def test_the_name_travels_in_json(device: SmallDevice) -> None:
    assert json.dumps({"backend": device.name}) == '{"backend": "small"}'
