# SPDX-License-Identifier: Apache-2.0
"""Templates: every tier gives what Aer and exact states give, in the order that is promised."""

from __future__ import annotations

import json
import pickle
import threading
from datetime import datetime

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import MCPhaseGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from scipy import stats

from qruntime import (
    AerBackend,
    InvalidCircuitError,
    InvalidInputError,
    RuntimeService,
    UnsupportedOptionError,
)

TIERS = ("kernel", "native", "aer")
FALSE_ALARM = 1e-6


def ansatz(qubits=3, layers=2):
    angles = ParameterVector("t", qubits * layers)
    circuit = QuantumCircuit(qubits, name="ansatz", metadata={"kind": "test"})
    for layer in range(layers):
        for qubit in range(qubits):
            circuit.ry(angles[layer * qubits + qubit], qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def rows(number=4, width=6, seed=1):
    return np.random.default_rng(seed).uniform(-3, 3, (number, width))


@pytest.fixture(params=TIERS)
def tier(request):
    return request.param


def test_counts_follow_the_exact_probabilities_on_every_tier(tier):
    circuit, values = ansatz(), rows()
    shots = 20_000

    result = AerBackend().compile(circuit, tier=tier).run(values, shots=shots, seed=5).result()

    bare = circuit.remove_final_measurements(inplace=False)
    for binding, row in enumerate(values):
        exact = Statevector(bare.assign_parameters(row)).probabilities_dict()
        counts = result.get_counts(binding)
        assert sum(counts.values()) == shots
        likely = [key for key, share in exact.items() if share * shots >= 5]
        seen = [counts.get(key, 0) for key in likely]
        expected = [exact[key] * shots for key in likely]
        rest = shots - sum(seen)
        seen.append(rest)
        expected.append(max(shots - sum(expected), 1e-9))
        statistic = sum((s - e) ** 2 / e for s, e in zip(seen, expected, strict=True) if e >= 5)
        assert stats.chi2.sf(statistic, len(likely)) > FALSE_ALARM


def test_equal_seeds_give_equal_counts_and_others_do_not(tier):
    template = AerBackend().compile(ansatz(), tier=tier)

    first, again, other = (
        template.run(rows(), shots=500, seed=seed).result().get_counts() for seed in (1, 1, 2)
    )

    assert first == again != other


def test_without_a_seed_every_run_draws_anew(tier):
    template = AerBackend().compile(ansatz(), tier=tier)

    first, second = (template.run(rows(), shots=500).result().get_counts() for _ in range(2))

    assert first != second


@pytest.mark.parametrize("tier", ["native", "aer"])
def test_seeds_are_aers_own_where_aer_runs(tier):
    circuit, values = ansatz(), rows()
    bound = [circuit.assign_parameters(row) for row in values]

    ours = AerBackend().compile(circuit, tier=tier).run(values, shots=300, seed=11).result()

    theirs = AerSimulator().run(bound, shots=300, seed_simulator=11).result()
    assert ours.get_counts() == theirs.get_counts()


def test_bindings_and_circuits_of_one_run_draw_from_streams_of_their_own(tier):
    circuit = ansatz()
    same = np.repeat(rows(1), 2, axis=0)

    one = AerBackend().compile(circuit, tier=tier).run(same, shots=2000, seed=3).result()
    two = AerBackend().compile([circuit, circuit], tier=tier).run([same[:1], same[:1]], seed=3)

    assert one.get_counts(0) != one.get_counts(1)
    assert two.result().get_counts(0) != two.result().get_counts(1)


def test_experiments_come_circuit_by_circuit_binding_by_binding(tier):
    flips = []
    for width in (1, 2):
        circuit = QuantumCircuit(width, name=f"flip{width}")
        circuit.rx(Parameter("a"), range(width))
        circuit.measure_all()
        flips.append(circuit)
    values = [[[0.0], [np.pi]], [[np.pi], [0.0]]]

    result = AerBackend().compile(flips, tier=tier).run(values, shots=3).result()

    assert result.get_counts() == [{"0": 3}, {"1": 3}, {"11": 3}, {"00": 3}]
    names = [experiment.header.name for experiment in result.results]
    assert names == ["flip1", "flip1", "flip2", "flip2"]


def test_a_result_has_what_aers_has(tier):
    registers = QuantumRegister(2, "q"), ClassicalRegister(1, "a"), ClassicalRegister(2, "b")
    circuit = QuantumCircuit(*registers, metadata={"k": 1})
    circuit.x(0)
    circuit.measure([0, 1], [0, 2])
    bound = AerSimulator().run(circuit, shots=4, memory=True).result()

    job = AerBackend().compile(circuit, tier=tier).run(shots=4, memory=True)
    ours = job.result()

    assert ours.get_counts() == bound.get_counts() == {"00 1": 4}
    assert ours.get_memory() == bound.get_memory()
    assert ours.data() == bound.data()
    header = ours.results[0].header
    assert {**header, "name": ""} == {**bound.results[0].header, "name": ""}
    assert (ours.success, ours.results[0].shots, ours.results[0].success) == (True, 4, True)
    assert job.metadata == {"circuits": 1, "shots": 4}
    assert ours.backend_name == "aer_simulator"


def test_expectation_values_are_exact_and_have_the_promised_shapes():
    circuit, values = ansatz(), rows()
    template = AerBackend().compile(circuit)
    first = SparsePauliOp(["ZZI", "XIX", "IYY"], [1.0, -0.5, 0.25])
    bare = circuit.remove_final_measurements(inplace=False)
    exact = [
        Statevector(bare.assign_parameters(row)).expectation_value(first).real for row in values
    ]

    assert template.expectation(first, values) == pytest.approx(exact, abs=1e-12)
    assert template.expectation(first, values[0]) == pytest.approx(exact[0], abs=1e-12)
    assert template.expectation([first, "ZZZ"], values).shape == (4, 2)
    assert template.expectation([first, "ZZZ"], values[0]).shape == (2,)
    assert template.expectation([first, "ZZZ"], values)[:, 0] == pytest.approx(exact, abs=1e-12)


def test_a_circuit_that_the_kernel_cannot_take_goes_to_aer_and_says_why():
    circuit = QuantumCircuit(1, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    circuit.measure(0, 1)
    template = AerBackend().compile(circuit)

    assert template.tiers == ("native",)
    counts = template.run(shots=200, seed=1).result().get_counts()
    assert set(counts) == {"00", "01"}
    with pytest.raises(UnsupportedOptionError, match="does not take this"):
        AerBackend().compile(circuit, tier="kernel")
    with pytest.raises(UnsupportedOptionError, match="no exact expectation values"):
        template.expectation("Z")


def test_a_wide_clifford_circuit_goes_to_stim_and_is_right():
    qubits = 60
    circuit = QuantumCircuit(qubits, qubits + 1)
    circuit.h(0)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure(range(qubits), range(qubits))
    circuit.x(0)
    circuit.measure(0, qubits)
    template = AerBackend().compile(circuit)

    result = template.run(shots=2000, seed=3, memory=True).result()
    counts = result.get_counts()

    assert template.tiers == ("clifford",)
    zeros, ones = "1" + "0" * qubits, "0" + "1" * qubits
    assert set(counts) == {zeros, ones}
    assert stats.binomtest(counts[zeros], 2000).pvalue > FALSE_ALARM
    assert sorted(set(result.get_memory())) == sorted(counts)
    assert template.run(shots=2000, seed=3).result().get_counts() == counts
    assert result.results[0].metadata["tier"] == "clifford"


def test_clifford_can_be_pinned_and_says_what_it_cannot_take():
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    counts = (
        AerBackend().compile(bell, tier="clifford").run(shots=500, seed=1).result().get_counts()
    )

    assert set(counts) == {"00", "11"}
    with pytest.raises(UnsupportedOptionError, match="unbound parameters"):
        AerBackend().compile(ansatz(), tier="clifford")


def test_noise_and_other_methods_are_aers_and_give_aers_counts():
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.2, 1), ["ry"])
    circuit, values = ansatz(), rows()
    bound = [circuit.assign_parameters(row) for row in values]
    for options in (
        {"noise_model": noise},
        {"method": "matrix_product_state"},
        {"precision": "single"},
    ):
        template = AerBackend().compile(circuit, **options)

        ours = template.run(values, shots=200, seed=4).result().get_counts()

        theirs = AerSimulator().run(bound, shots=200, seed_simulator=4, **options).result()
        assert template.tiers == ("native",)
        assert ours == theirs.get_counts()


def test_a_device_is_simulated_with_its_noise():
    device = AerBackend.from_device(GenericBackendV2(5, seed=1))
    circuit = transpile(ansatz(), device, seed_transpiler=1)
    values = rows(1)[0]

    ours = device.compile(circuit).run(values, shots=300, seed=2).result().get_counts()

    bound = circuit.assign_parameters(values)
    assert ours == device.run(bound, shots=300, seed_simulator=2).result().get_counts()


def test_changes_to_the_circuit_afterwards_do_not_matter(tier):
    circuit = ansatz()
    template = AerBackend().compile(circuit, tier=tier)
    before = template.run(rows(), shots=100, seed=1).result()
    counts = before.get_counts()

    circuit.x(0)
    circuit.metadata["kind"] = "changed"
    circuit.name = "changed"

    after = template.run(rows(), shots=100, seed=1).result()
    assert after.get_counts() == counts
    assert after.results[0].header.name == "ansatz"
    assert after.results[0].header.metadata == {"kind": "test"}


def test_threads_share_a_template(tier):
    template = AerBackend().compile(ansatz(), tier=tier)
    expected = [
        template.run(rows(seed=s), shots=200, seed=s).result().get_counts() for s in range(8)
    ]
    got = [None] * 8

    def work(seed):
        got[seed] = template.run(rows(seed=seed), shots=200, seed=seed).result().get_counts()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, r"6 parameters.*not none"),
        ([1.0, 2.0], r"shape \(6,\) or \(K, 6\), not shape \(2,\)"),
        (np.zeros((2, 2, 6)), r"not shape \(2, 2, 6\)"),
        (np.zeros((0, 6)), r"not shape \(0, 6\)"),
        ("text", r"must be numbers"),
        ([np.nan] * 6, r"finite"),
    ],
)
def test_values_that_do_not_fit_are_refused(values, message):
    template = AerBackend().compile(ansatz())

    with pytest.raises(InvalidInputError, match=message):
        template.run(values)


def test_a_list_of_circuits_needs_a_list_of_values():
    template = AerBackend().compile([ansatz(), ansatz()])

    with pytest.raises(InvalidInputError, match="one array a circuit: 2 of them"):
        template.run([rows()])


def test_an_unknown_tier_and_a_wrong_option_are_refused():
    with pytest.raises(
        InvalidInputError, match="no tier 'kernal'; there are: kernel, clifford, native, aer"
    ):
        AerBackend().compile(ansatz(), tier="kernal")
    with pytest.raises(AttributeError, match="shots"):
        AerBackend().compile(ansatz(), shot=3)


def test_what_is_compiled_in_holds_for_every_run():
    template = AerBackend().compile(ansatz(), shots=7, seed_simulator=1, memory=True)

    result = template.run(rows(1)).result()

    assert sum(result.get_counts().values()) == 7
    assert len(result.get_memory()) == 7


def test_a_programs_templates_count_as_its_usage():
    def main(backend, user_messenger):
        template = backend.compile(ansatz())
        template.run(rows(), shots=10)
        template.expectation("ZZZ", rows())

    with RuntimeService() as service:
        job = service.run(main)
        job.result(60)

        assert job.metrics()["usage"] == {"runs": 2, "circuits": 8, "shots": 40}


def test_counts_are_qiskits_with_all_that_they_can_do(tier):
    registers = QuantumRegister(3, "q"), ClassicalRegister(1, "a"), ClassicalRegister(2, "b")
    circuit = QuantumCircuit(*registers)
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], [0, 1, 2])

    ours = AerBackend().compile(circuit, tier=tier).run(shots=4).result().get_counts()

    theirs = AerSimulator().run(circuit, shots=4).result().get_counts()
    assert ours == theirs == {"10 1": 4}
    assert ours.int_outcomes() == theirs.int_outcomes()
    assert ours.hex_outcomes() == theirs.hex_outcomes()
    assert (ours.shots(), ours.most_frequent()) == (4, "10 1")
    assert pickle.loads(pickle.dumps(ours)) == ours


def test_looking_at_counts_makes_no_experiments():
    result = AerBackend().compile(ansatz()).run(rows(), shots=10).result()

    counts = result.get_counts()

    assert result._made is None
    assert [result.get_counts(k) for k in range(4)] == counts
    assert result.results[3].header.name == "ansatz"
    assert [result.get_counts(k) for k in range(4)] == counts


@pytest.mark.parametrize("angle", [float("nan"), float("inf"), -float("inf")])
def test_an_angle_that_is_not_finite_is_refused_when_compiled(tier, angle):
    circuit = QuantumCircuit(2, 2)
    circuit.rx(angle, 0)
    circuit.measure([0, 1], [0, 1])

    with pytest.raises(InvalidCircuitError, match=r"circuit 1 .*not finite") as caught:
        AerBackend().compile([ansatz(), circuit], tier=tier)

    assert caught.value.index == 1


def test_an_angle_in_a_branch_or_of_a_gate_with_many_controls_must_be_finite_too():
    controlled = QuantumCircuit(4, 1)
    controlled.append(MCPhaseGate(float("nan"), 3), [0, 1, 2, 3])
    controlled.measure(0, 0)
    branched = QuantumCircuit(1, 1)
    branched.measure(0, 0)
    with branched.if_test((0, 1)):
        branched.rx(float("inf"), 0)

    for circuit in (controlled, branched):
        for use in (AerBackend().compile, AerBackend().run):
            with pytest.raises(InvalidCircuitError, match="not finite"):
                use(circuit)


def clifford():
    circuit = QuantumCircuit(3, 3)
    circuit.h(0)
    circuit.measure([0, 1, 2], [0, 1, 2])
    return circuit


@pytest.mark.parametrize("pinned", [*TIERS, "clifford"])
def test_numpy_integers_are_as_good_as_others_for_seed_and_shots(pinned):
    template = AerBackend().compile(clifford(), tier=pinned)

    ours = template.run(shots=np.int64(50), seed=np.int64(7)).result()
    plain = template.run(shots=50, seed=7).result()

    assert ours.get_counts() == plain.get_counts()
    json.dumps(ours.to_dict())


@pytest.mark.parametrize("seed", [1.5, "7", -1, 2**63, True, np.float64(2)])
def test_a_seed_is_an_integer_that_the_option_takes_too(tier, seed):
    template = AerBackend().compile(clifford(), tier=tier)

    for use in (template.run, lambda seed: template.items(shots=5, seed=seed)):
        with pytest.raises(InvalidInputError, match="seed must be an integer in 0"):
            use(seed=seed)


@pytest.mark.parametrize("shots", [0, -1, 1_000_001, 2.0, "5", True])
def test_the_shots_of_a_run_are_those_that_backends_take(tier, shots):
    template = AerBackend().compile(clifford(), tier=tier)

    with pytest.raises(InvalidInputError, match="shots must be an integer in 1"):
        template.run(shots=shots)


@pytest.mark.parametrize("pinned", [*TIERS, "clifford"])
def test_what_a_result_holds_is_its_own(pinned):
    circuit = clifford()
    circuit.metadata = {"k": [1]}
    template = AerBackend().compile(circuit, tier=pinned)

    for circuit_of_run in (template.run, lambda: AerBackend(tier=pinned).run(circuit)):
        header = circuit_of_run().result().results[0].header
        header["metadata"]["k"].append(9)
        header["creg_sizes"].append(["d", 1])
        header["creg_sizes"][0].append(9)

    circuit.metadata["k"].append(3)
    header = template.run().result().results[0].header
    assert header["metadata"] == {"k": [1]}
    assert header["creg_sizes"] == [["c", 3]]


def test_the_bindings_of_a_result_share_no_header(tier):
    found = AerBackend().compile(ansatz(), tier=tier).run(rows()).result().results

    found[0].header["metadata"]["kind"] = "changed"

    assert found[1].header["metadata"] == {"kind": "test"}


@pytest.mark.parametrize("pinned", [*TIERS, "clifford"])
def test_results_say_what_those_of_plain_runs_say_of_their_origin(pinned):
    job = AerBackend().compile(clifford(), tier=pinned).run()
    plain = AerBackend(tier=pinned).run(clifford()).result()

    result = job.result()

    assert result.job_id == job.job_id()
    assert result.backend_version == plain.backend_version
    assert datetime.fromisoformat(result.date)


@pytest.mark.parametrize("values", [5, {0: rows(), 1: rows()}, {1, 2}, np.float64(3), np.array(4)])
def test_the_values_of_a_list_are_a_list(values):
    template = AerBackend().compile([ansatz(), ansatz()])

    with pytest.raises(InvalidInputError, match="one array a circuit"):
        template.run(values)


def test_names_of_parameters_are_no_values():
    with pytest.raises(InvalidInputError, match="must be numbers of shape"):
        AerBackend().compile(ansatz()).run({"t": 3})


def test_idle_qubits_do_not_keep_a_circuit_from_the_kernel():
    wide = QuantumCircuit(28, 2)
    wide.h(5)
    wide.cx(5, 20)
    wide.measure([5, 20], [0, 1])
    backend = AerBackend()

    template = backend.compile(wide)
    result = template.run(shots=500, seed=1).result()
    plain = backend.run(wide, shots=500).result()

    assert result.results[0].metadata["tier"] == plain.results[0].metadata["tier"] == "kernel"
    assert set(result.get_counts()) == {"00", "11"}
    assert result.results[0].header["n_qubits"] == 28


def test_a_wide_template_has_no_exact_states():
    wide = QuantumCircuit(28, 2)
    wide.rx(np.pi / 2, 20)
    wide.ry(2 * Parameter("t"), 3)
    wide.rx(np.pi / 2, 20)
    wide.measure([3, 20], [0, 1])
    template = AerBackend().compile(wide)

    assert template.run([np.pi / 2], shots=5).result().get_counts() == {"11": 5}
    for lacking in (template.expectation, template.estimate):
        with pytest.raises(UnsupportedOptionError, match="more than 24 qubits"):
            lacking("Z" * 28, [np.pi])


def test_the_largest_seed_serves_many_circuits_on_every_tier(tier):
    template = AerBackend().compile([clifford(), clifford()], tier=tier)

    first, again = (template.run(shots=50, seed=2**63 - 1).result() for _ in range(2))

    assert first.get_counts() == again.get_counts()
