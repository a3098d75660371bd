# SPDX-License-Identifier: Apache-2.0
"""``AerBackend`` against Qiskit Aer itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Pauli, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

from qruntime import AerBackend, ExecutionError, InvalidCircuitError, InvalidInputError

SEED = 1234


def spread(qubits: int = 3) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    for qubit in range(qubits):
        circuit.ry(0.4 + 0.3 * qubit, qubit)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def clifford(qubits: int = 3) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def midway() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 3)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.reset(0)
    circuit.ry(0.7, 0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [1, 2])
    return circuit


def branching() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.ry(0.5, 1)
    with otherwise:
        circuit.x(1)
    with circuit.for_loop(range(3)):
        circuit.rx(0.2, 1)
    circuit.measure(1, 1)
    return circuit


def noise() -> NoiseModel:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 1), ["ry", "h", "x"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx"])
    model.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
    return model


def counts(backend: Any, circuits: Any, **options: Any) -> Any:
    return backend.run(circuits, seed_simulator=SEED, **options).result().get_counts()


METHODS = AerSimulator().available_methods()
SAMPLING = [name for name in METHODS if name not in ("unitary", "superop")]


# The same as Aer, bit for bit


@pytest.mark.parametrize("tier", ["native", "aer"])
@pytest.mark.parametrize("method", SAMPLING)
def test_every_method_gives_aers_counts(method: str, tier: str) -> None:
    circuits = [clifford(), clifford(2)]

    assert counts(AerBackend(method=method, tier=tier), circuits) == counts(
        AerSimulator(method=method), circuits
    )


@pytest.mark.parametrize("tier", ["native", "aer"])
@pytest.mark.parametrize("circuit", [spread(), midway(), branching()], ids=["end", "mid", "flow"])
@pytest.mark.parametrize("noise_model", [None, noise()], ids=["ideal", "noisy"])
def test_counts_and_memory_are_those_of_aer(
    circuit: QuantumCircuit, noise_model: Any, tier: str
) -> None:
    options = {"noise_model": noise_model, "seed_simulator": SEED, "shots": 300, "memory": True}

    ours = AerBackend().run(circuit, **options, tier=tier).result()
    theirs = AerSimulator().run(circuit, **options).result()

    assert ours.get_memory() == theirs.get_memory()
    assert ours.get_counts() == theirs.get_counts()


def test_a_simulated_device_gives_aers_counts() -> None:
    device = FakeManilaV2()
    ours = AerBackend.from_device(device)
    theirs = AerSimulator.from_backend(device)
    circuits = transpile([spread(), spread(5), midway()], theirs, seed_transpiler=1)

    assert counts(ours, circuits, shots=500) == counts(theirs, circuits, shots=500)


def test_saved_data_come_through() -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.save_expectation_value(Pauli("ZZ"), [0, 1], label="zz")
    circuit.save_statevector(label="psi")

    data = AerBackend().run(circuit).result().data()

    assert data["zz"] == pytest.approx(1.0)
    assert Statevector(data["psi"]) == Statevector(np.array([1, 0, 0, 1]) / np.sqrt(2))


def test_the_unitary_method_gives_the_unitary() -> None:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.save_unitary()

    found = AerBackend(method="unitary").run(circuit).result().get_unitary()

    assert np.allclose(found, [[0, 1], [1, 0]])


# Options that reshape the simulator


def test_the_method_decides_name_gates_and_width() -> None:
    backend = AerBackend()
    before = (backend.name(), backend.num_qubits, set(backend.operation_names))

    backend.set_options(method="stabilizer")

    assert before[0] == "aer_simulator"
    assert backend.name() == backend.configuration().backend_name == "aer_simulator_stabilizer"
    assert backend.num_qubits == backend.configuration().n_qubits == 10_000
    assert "t" in before[2]
    assert "t" not in backend.operation_names


def test_a_method_given_to_the_constructor_is_the_same_as_one_set_later() -> None:
    backend = AerBackend()
    backend.set_options(method="density_matrix")
    made = AerBackend(method="density_matrix")

    assert made.name() == backend.name() == "aer_simulator_density_matrix"
    assert made.operation_names == backend.operation_names


def test_a_name_that_was_set_stays_when_the_method_changes() -> None:
    backend = AerBackend()
    backend.name = "mine"

    backend.set_options(method="stabilizer")

    assert backend.name() == "mine"


@pytest.mark.parametrize("method", METHODS)
def test_the_configuration_is_that_of_aer(method: str) -> None:
    ours = AerBackend(method=method).configuration()
    theirs = AerSimulator(method=method).configuration()

    assert ours.backend_name == theirs.backend_name
    assert ours.n_qubits == ours.num_qubits == theirs.n_qubits
    assert ours.basis_gates == theirs.basis_gates
    assert ours.simulator
    assert ours.max_shots == theirs.max_shots


def test_the_target_is_built_once() -> None:
    backend = AerBackend()

    assert backend.target is backend.target


def test_options_of_one_backend_are_not_those_of_another() -> None:
    first, second = AerBackend(), AerBackend()

    first.set_options(shots=5, method="stabilizer")

    assert (second.options.shots, second.name()) == (1024, "aer_simulator")


def test_a_refused_value_changes_nothing() -> None:
    backend = AerBackend()
    before = dict(backend.options)

    with pytest.raises(InvalidInputError):
        backend.set_options(method="stabilizer", shots=0)

    assert dict(backend.options) == before
    assert backend.name() == "aer_simulator"


def test_the_method_of_one_run_decides_what_that_run_can_do() -> None:
    backend = AerBackend(method="stabilizer")

    assert sum(counts(backend, spread(), method="statevector").values()) == 1024
    with pytest.raises(InvalidCircuitError, match="does not have: 'ry'"):
        backend.run(spread())
    with pytest.raises(InvalidCircuitError, match="'ry'"):
        AerBackend().run(spread(), method="stabilizer")


# Width


def test_clifford_circuits_may_be_wide_when_the_method_is_automatic() -> None:
    found = counts(AerBackend(), clifford(40), shots=20)

    assert set(found) <= {"0" * 40, "1" * 40}


def test_qubits_that_nothing_acts_on_do_not_count() -> None:
    circuit = QuantumCircuit(50, 1)
    circuit.ry(0.1, 49)
    circuit.measure(49, 0)

    assert sum(counts(AerBackend(), circuit).values()) == 1024


def test_the_error_for_a_wide_circuit_names_methods_that_can() -> None:
    with pytest.raises(InvalidCircuitError, match="matrix_product_state"):
        AerBackend().run(spread(60))


def test_a_simulation_that_fails_in_aer_raises_with_aers_reason() -> None:
    with pytest.raises(ExecutionError, match="memory"):
        AerBackend(max_memory_mb=1).run(spread(24))


# Noise


def test_a_noise_model_may_be_an_object_or_its_dict() -> None:
    theirs = counts(AerSimulator(noise_model=noise()), spread())

    assert counts(AerBackend(noise_model=noise()), spread()) == theirs
    assert counts(AerBackend(noise_model=noise().to_dict()), spread()) == theirs
    assert counts(AerBackend(), spread(), noise_model=noise()) == theirs


def test_a_dict_that_is_no_noise_model_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="must be the dict of a noise model"):
        AerBackend(noise_model={"errors": [{"type": "warp"}]})


def test_none_switches_the_noise_off_for_one_run() -> None:
    backend = AerBackend(noise_model=noise())

    assert counts(backend, spread(), noise_model=None) == counts(AerBackend(), spread())
    assert counts(backend, spread()) != counts(AerBackend(), spread())


def test_gates_without_noise_still_run_with_a_noise_model() -> None:
    circuit = QuantumCircuit(1)
    circuit.sdg(0)
    circuit.measure_all()

    assert sum(counts(AerBackend(noise_model=noise()), circuit).values()) == 1024


# From a device


def test_a_simulated_device_has_the_devices_facts() -> None:
    device = FakeManilaV2()
    backend = AerBackend.from_device(device)

    assert backend.name() == "aer_simulator_from(fake_manila)"
    assert backend.num_qubits == 5
    assert backend.configuration().simulator
    assert backend.configuration().coupling_map == device.configuration().coupling_map
    assert backend.properties().t1(0) == device.properties().t1(0)
    assert backend.target is device.target
    assert not device.configuration().simulator


def test_a_simulated_device_can_be_named_and_have_options() -> None:
    backend = AerBackend.from_device(FakeManilaV2(), name="manila", shots=7, noise_model=None)

    assert backend.name() == "manila"
    assert counts(backend, QuantumCircuit.from_qasm_str(X)) == {"1": 7}

    backend.set_options(method="density_matrix")

    assert backend.name() == "manila"
    assert backend.num_qubits == 5


X = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; creg c[1]; x q[0]; measure q -> c;'


def test_from_device_refuses_what_is_not_a_backend() -> None:
    with pytest.raises(InvalidInputError, match="a device is a Qiskit backend"):
        AerBackend.from_device("fake_manila")  # type: ignore[arg-type]


def test_checks_of_many_circuits_make_no_simulators(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = AerBackend(method="statevector")
    backend.run(spread(), shots=1)
    made: list[int] = []
    monkeypatch.setattr(AerSimulator, "__init__", lambda *args, **kwargs: made.append(1))

    backend.run([spread()] * 3, shots=1)

    assert not made


def test_an_array_for_an_option_is_refused_also_after_a_plain_run() -> None:
    backend = AerBackend()
    backend.run(clifford(), seed_simulator=1)

    with pytest.raises(InvalidInputError, match="seed_simulator"):
        backend.run(clifford(), seed_simulator=np.array([1, 2]))
