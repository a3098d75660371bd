# SPDX-License-Identifier: Apache-2.0
"""``backend.sampler()`` and ``backend.estimator()`` are V2 primitives with Qiskit's own answers."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Gate, ParameterVector
from qiskit.circuit.library import IGate, UnitaryGate, XGate
from qiskit.primitives import (
    BaseEstimatorV2,
    BaseSamplerV2,
    StatevectorEstimator,
    StatevectorSampler,
)
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp, Statevector
from qiskit_aer.noise import NoiseModel, ReadoutError, pauli_error
from scipy import stats

from qruntime import AerBackend, InvalidCircuitError, InvalidInputError, RuntimeService

FALSE_ALARM = 1e-6


def ansatz(qubits=3):
    angles = ParameterVector("t", 2 * qubits)
    circuit = QuantumCircuit(qubits, metadata={"kind": "test"})
    for layer in range(2):
        for qubit in range(qubits):
            circuit.ry(angles[layer * qubits + qubit], qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    return circuit


def values(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-3, 3, (*shape, 6))


def test_they_are_the_base_classes_that_algorithms_ask_for():
    assert isinstance(AerBackend().sampler(), BaseSamplerV2)
    assert isinstance(AerBackend().estimator(), BaseEstimatorV2)


@pytest.mark.parametrize(
    ("given", "observables"),
    [
        (values(), "ZZZ"),
        (values(), ["ZZZ", "XIX", "IYY"]),
        (values(4), "ZZZ"),
        (values(4), [["ZZZ"], ["XXX"], ["IIY"]]),
        (values(2, 1), ["ZZZ", "XXX", SparsePauliOp(["ZII", "IXI"], [0.5, -2.0])]),
        (values(3), [Pauli("ZZZ"), Pauli("XIX"), Pauli("IYY")]),
    ],
    ids=["one", "many observables", "many bindings", "table", "outer", "zipped"],
)
def test_expectation_values_equal_qiskits_exact_ones_for_every_broadcast(given, observables):
    pub = (ansatz(), observables, given)

    ours = AerBackend().estimator().run([pub]).result()
    theirs = StatevectorEstimator().run([pub]).result()

    assert ours[0].data.evs.shape == theirs[0].data.evs.shape
    assert ours[0].data.evs == pytest.approx(theirs[0].data.evs, abs=1e-12)
    assert np.all(ours[0].data.stds == 0)
    assert ours[0].metadata == theirs[0].metadata
    assert ours.metadata == theirs.metadata


@pytest.mark.parametrize("label", ["0+r", "1-l", "Z0X"])
def test_projectors_are_observables_too(label):
    operator = SparsePauliOp.from_sparse_observable(SparseObservable(label))
    state = Statevector(ansatz().assign_parameters(values()))

    result = AerBackend().estimator().run([(ansatz(), label, values())]).result()

    assert result[0].data.evs == pytest.approx(state.expectation_value(operator).real, abs=1e-12)


def test_a_circuit_without_parameters_has_a_value():
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)

    result = AerBackend().estimator().run([(bell, ["ZZ", "XX", "YY"])]).result()

    assert result[0].data.evs == pytest.approx([1, 1, -1], abs=1e-12)


def test_a_precision_adds_noise_of_that_size():
    pub = (ansatz(), "ZZZ", np.repeat(values(1), 2000, axis=0))
    exact = AerBackend().estimator().run([pub]).result()[0].data.evs

    noisy = AerBackend().estimator(seed_simulator=5).run([pub], precision=0.1).result()[0]

    assert stats.kstest((noisy.data.evs - exact) / 0.1, "norm").pvalue > FALSE_ALARM
    assert np.all(noisy.data.stds == 0.1)
    assert noisy.metadata["target_precision"] == 0.1


def test_a_negative_precision_is_refused():
    with pytest.raises(InvalidInputError, match="precision must be a number >= 0"):
        AerBackend().estimator().run([(ansatz(), "ZZZ", values())], precision=-1)


def test_a_noisy_backend_is_estimated_from_shots():
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.1, 0.9]]))
    empty = QuantumCircuit(1)

    estimator = AerBackend().estimator(noise_model=noise, seed_simulator=3)
    result = estimator.run([(empty, "Z")], precision=0.02).result()[0]

    assert result.data.evs == pytest.approx(0.8, abs=5 * 0.02)
    assert result.data.stds > 0


def test_samples_follow_qiskits_exact_sampler_for_every_register_and_shape():
    qubits, a, b = QuantumRegister(3, "q"), ClassicalRegister(2, "a"), ClassicalRegister(9, "b")
    circuit = QuantumCircuit(qubits, a, b)
    circuit.compose(ansatz(), inplace=True)
    circuit.measure([0, 1], a)
    circuit.measure(2, b[8])
    pub = (circuit, values(2, 3), 4000)

    ours = AerBackend().sampler(seed_simulator=1).run([pub]).result()[0]
    theirs = StatevectorSampler(seed=2).run([pub]).result()[0]

    assert ours.data.shape == theirs.data.shape == (2, 3)
    for name, width in (("a", 2), ("b", 9)):
        mine, other = getattr(ours.data, name), getattr(theirs.data, name)
        assert (mine.num_bits, mine.num_shots, mine.shape) == (width, 4000, (2, 3))
        for index in np.ndindex(2, 3):
            both = [mine.get_int_counts(index), other.get_int_counts(index)]
            keys = sorted(set(both[0]) | set(both[1]))
            table = np.array([[counts.get(key, 0) for key in keys] for counts in both])
            table = table[:, table.sum(axis=0) >= 10]
            if table.shape[1] > 1:
                assert stats.chi2_contingency(table).pvalue > FALSE_ALARM
    joint = ours.data.a.slice_bits([0]).array[0, 0, :, 0] ^ (ours.data.b.array[0, 0, :, 0] & 1)
    assert joint.shape == (4000,)
    assert ours.metadata["shots"] == 4000


@pytest.mark.parametrize("method", ["automatic", "matrix_product_state"])
def test_bits_of_one_shot_belong_together(method):
    a, b = ClassicalRegister(1, "a"), ClassicalRegister(1, "b")
    circuit = QuantumCircuit(QuantumRegister(2, "q"), a, b)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [a[0], b[0]])

    data = AerBackend(method=method).sampler(shots=500).run([circuit]).result()[0].data

    assert np.array_equal(data.a.array, data.b.array)
    assert 0 < data.a.array.sum() < 500


def test_seeds_repeat_a_run_and_pubs_draw_apart():
    circuit = ansatz()
    circuit.measure_all()
    pub = (circuit, values(1))

    runs = [
        AerBackend().sampler(seed_simulator=seed, shots=800).run([pub, pub]).result()
        for seed in (1, 1, 2)
    ]

    first, again, other = ([pub.data.meas.array.tobytes() for pub in run] for run in runs)
    assert first == again
    assert first != other
    assert first[0] != first[1]


def test_shots_come_from_the_pub_then_the_call_then_the_backend():
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    sampler = AerBackend(shots=5).sampler()

    result = sampler.run([(circuit, None, 7), circuit]).result()
    called = sampler.run([circuit], shots=9).result()

    assert [pub.data.meas.num_shots for pub in result] == [7, 5]
    assert called[0].data.meas.num_shots == 9
    assert sampler.default_shots == 5


def test_a_circuit_without_registers_is_refused():
    measured = QuantumCircuit(1)
    measured.measure_all()

    with pytest.raises(InvalidCircuitError, match="pub 1: the circuit has no classical registers"):
        AerBackend().sampler().run([measured, QuantumCircuit(1)])


def test_a_transpiled_circuit_and_its_observable_work_on_a_device():
    device = AerBackend.from_device(GenericBackendV2(5, seed=1), seed_simulator=4)
    circuit = transpile(ansatz(), device, seed_transpiler=1)
    observable = SparsePauliOp("ZZZ").apply_layout(circuit.layout)

    estimate = device.estimator().run([(circuit, observable, values())], precision=0.02).result()
    exact = StatevectorEstimator().run([(ansatz(), "ZZZ", values())]).result()

    assert estimate[0].data.evs == pytest.approx(exact[0].data.evs, abs=0.15)


def test_a_programs_primitives_count_as_its_usage():
    def main(backend, user_messenger):
        circuit = ansatz()
        backend.estimator().run([(circuit, "ZZZ", values(3))]).result()
        circuit.measure_all()
        backend.sampler(shots=10).run([(circuit, values(2))]).result()

    with RuntimeService() as service:
        job = service.run(main)
        job.result(60)

        assert job.metrics()["usage"] == {"runs": 2, "circuits": 5, "shots": 20}


def flipping(*names):
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(pauli_error([("X", 1.0)]), list(names))
    return AerBackend(noise_model=noise, seed_simulator=1, shots=50)


def named(name):
    gate = Gate(name, 1, [])
    gate.definition = QuantumCircuit(1)
    gate.definition.x(0)
    return gate


LABELLED = [
    (XGate(), XGate(label="lab")),
    (IGate(), IGate(label="lab")),
    (UnitaryGate(np.eye(2)), UnitaryGate(np.eye(2), label="lab")),
]
LABELLED_IDS = ["standard", "identity", "unitary"]


@pytest.mark.parametrize(("plain", "labelled"), LABELLED, ids=LABELLED_IDS)
def test_a_sampler_tells_labels_apart_for_noise_may_name_them(plain, labelled):
    sampler = flipping("lab").sampler()
    counts = []
    for gate in (plain, labelled):
        circuit = QuantumCircuit(1)
        circuit.append(gate, [0])
        circuit.measure_all()
        counts.append(sampler.run([circuit]).result()[0].data.meas.get_counts())

    assert sorted(next(iter(count)) for count in counts) == ["0", "1"]


@pytest.mark.parametrize("statistics", ["normal", "shots"])
@pytest.mark.parametrize(("plain", "labelled"), LABELLED, ids=LABELLED_IDS)
def test_an_estimator_tells_labels_apart_for_noise_may_name_them(plain, labelled, statistics):
    estimator = flipping("lab").estimator(statistics=statistics)
    found = []
    for gate in (plain, labelled):
        circuit = QuantumCircuit(1)
        circuit.append(gate, [0])
        found.append(float(estimator.run([(circuit, "Z")], precision=0.2).result()[0].data.evs))

    assert sorted(found) == [-1, 1]


def test_a_sampler_tells_units_of_delays_apart():
    device = AerBackend.from_device(GenericBackendV2(2, seed=1), seed_simulator=1, shots=400)
    sampler = device.sampler()
    decayed = []
    for unit in ("ns", "s"):
        circuit = QuantumCircuit(1)
        circuit.x(0)
        circuit.delay(100, 0, unit)
        circuit.measure_all()
        counts = sampler.run([circuit]).result()[0].data.meas.get_counts()
        decayed.append(counts.get("0", 0) > 300)

    assert decayed == [False, True]


def test_noise_on_a_single_value_keeps_it_an_array():
    data = (
        AerBackend().estimator(seed_simulator=1).run([(ansatz(), "ZZZ", values())], precision=0.1)
    )

    assert data.result()[0].data.evs.shape == data.result()[0].data.stds.shape == ()


def test_equal_pubs_of_a_seeded_noisy_estimator_draw_apart():
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.1, 0.9]]))
    turned = QuantumCircuit(1)
    turned.ry(1.0, 0)
    estimator = AerBackend().estimator(noise_model=noise, seed_simulator=1)

    first, again = (
        [float(pub.data.evs) for pub in estimator.run([(turned, "Z")] * 3).result()]
        for _ in range(2)
    )

    assert first == again
    assert len(set(first)) == 3


def test_no_experiment_of_a_pub_draws_as_one_of_another_pub():
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.1, 0.9]]))
    estimator = AerBackend().estimator(noise_model=noise, seed_simulator=1)
    both = (QuantumCircuit(1), ["X", "Y"])

    found = estimator.run([both, both]).result()

    assert len({float(value) for pub in found for value in pub.data.evs}) == 4


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_no_bindings_give_samples_of_that_shape(shape):
    circuit = ansatz()
    circuit.measure_all()
    pub = (circuit, values(*shape), 10)

    ours = AerBackend().sampler().run([pub]).result()[0].data
    theirs = StatevectorSampler().run([pub]).result()[0].data

    assert ours.shape == theirs.shape == shape
    assert ours.meas.array.shape == theirs.meas.array.shape
    assert (ours.meas.num_bits, ours.meas.num_shots) == (3, 10)


@pytest.mark.parametrize("statistics", ["normal", "shots"])
@pytest.mark.parametrize("method", ["automatic", "matrix_product_state"])
@pytest.mark.parametrize(
    ("given", "observables"),
    [(values(0), "ZZZ"), (values(2, 0), "ZZZ"), (values(), []), (values(3, 1), [])],
    ids=["no bindings", "two times none", "no observables", "bindings without observables"],
)
def test_nothing_to_estimate_gives_values_of_that_shape(given, observables, method, statistics):
    pub = (ansatz(), ObservablesArray(observables), given)

    ours = AerBackend(method=method).estimator(statistics=statistics).run([pub]).result()[0].data
    theirs = StatevectorEstimator().run([pub]).result()[0].data

    assert ours.shape == theirs.shape
    assert ours.evs.shape == ours.stds.shape == theirs.evs.shape


@pytest.mark.parametrize(
    ("options", "least"),
    [({"statistics": "shots"}, "1.53e-05"), ({"method": "matrix_product_state"}, "0.001")],
)
@pytest.mark.parametrize("precision", [1e-6, 1e-200])
def test_a_precision_that_needs_too_many_shots_is_named(options, least, precision):
    job = AerBackend().estimator(**options).run([(ansatz(), "ZZZ", values())], precision=precision)

    with pytest.raises(InvalidInputError, match=f"precision={precision}.*smallest.*{least}"):
        job.result()


@pytest.mark.parametrize("angle", [float("nan"), float("inf")])
def test_an_angle_that_is_not_finite_is_refused_by_both(angle):
    circuit = QuantumCircuit(1)
    circuit.rx(angle, 0)
    estimated = AerBackend().estimator().run([(circuit, "Z")])
    measured = circuit.copy()
    measured.measure_all()
    sampled = AerBackend().sampler().run([measured])

    for job in (estimated, sampled):
        with pytest.raises(InvalidCircuitError, match="not finite"):
            job.result()


@pytest.mark.parametrize("precision", ["0.1", float("nan")])
def test_a_precision_that_is_no_number_is_refused(precision):
    with pytest.raises(InvalidInputError, match="precision must be a number >= 0"):
        AerBackend().estimator().run([(ansatz(), "ZZZ", values())], precision=precision)
