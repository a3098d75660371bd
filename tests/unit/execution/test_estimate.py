# SPDX-License-Identifier: Apache-2.0
"""Estimates from shots are unbiased and their standard errors are right."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp
from qiskit_aer.noise import NoiseModel, ReadoutError
from scipy import stats

from qruntime import AerBackend, InvalidInputError, RuntimeService, UnsupportedOptionError
from qruntime.execution import StatevectorProgram, estimates, shared
from qruntime.execution.estimates import Measurement

FALSE_ALARM = 1e-6
ENERGY = SparsePauliOp(
    ["III", "ZZI", "ZIZ", "XIX", "XXI", "IYY", "YXZ"], [0.7, 1.0, -0.5, 0.25, 0.8, -1.1, 0.3]
)


def ansatz(qubits=3):
    angles = ParameterVector("t", 2 * qubits)
    circuit = QuantumCircuit(qubits)
    for layer in range(2):
        for qubit in range(qubits):
            circuit.ry(angles[layer * qubits + qubit], qubit)
            circuit.rx(0.3 * qubit + layer, qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def values(*shape, seed=1):
    return np.random.default_rng(seed).uniform(-3, 3, (*shape, 6))


@pytest.fixture
def template():
    return AerBackend().compile(ansatz(), shots=1000)


def prepared(letters):
    """Prepare the state of each qubit on which X, Y or Z is certainly 1 (or -1 in small)."""
    circuit = QuantumCircuit(len(letters))
    for qubit, letter in enumerate(reversed(letters)):
        if letter.islower():
            circuit.x(qubit)
        if letter.upper() in "XY":
            circuit.h(qubit)
        if letter.upper() == "Y":
            circuit.s(qubit)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("letters", ["XYZ", "xYz", "yyX", "ZxY"])
def test_what_is_certain_is_exact_and_has_no_error(letters):
    template = AerBackend().compile(prepared(letters), shots=100)
    strings = [
        "".join(letter.upper() if kept else "I" for letter, kept in zip(letters, mask, strict=True))
        for mask in itertools.product([True, False], repeat=3)
    ]
    signs = [
        (-1.0) ** sum(low != kept for low, kept in zip(string, letters, strict=True) if low != "I")
        for string in strings
    ]

    evs, stds = template.estimate(strings, seed=1)

    assert evs == pytest.approx(signs, abs=1e-12)
    assert np.all(stds == 0)


def test_estimates_are_unbiased_and_spread_as_their_standard_errors_say(template):
    bindings = np.repeat(values(1), 4000, axis=0)
    observables = [ENERGY, "ZZZ", SparsePauliOp(["XYZ", "IYZ"], [1.0, 2.0])]
    exact = template.expectation(observables, values())

    evs, stds_ = template.estimate(observables, bindings, seed=2)

    for column in range(3):
        scores = (evs[:, column] - exact[column]) / stds_[:, column]
        assert stats.kstest(scores, "norm").pvalue > FALSE_ALARM
        assert abs(scores.mean()) * np.sqrt(4000) < stats.norm.isf(FALSE_ALARM / 2)
        spread = np.sum((evs[:, column] - exact[column]) ** 2) / np.mean(stds_[:, column] ** 2)
        assert FALSE_ALARM < stats.chi2.sf(spread, 4000) < 1 - FALSE_ALARM


@pytest.mark.parametrize("shots", [100, 1000, 1 << 20])
def test_values_from_few_and_many_shots_are_within_their_errors(template, shots):
    exact = template.expectation(ENERGY, values(20))

    evs, stds_ = template.estimate(ENERGY, values(20), shots=shots, seed=3)

    assert stats.chi2.sf(np.sum(((evs - exact) / stds_) ** 2), 20) > FALSE_ALARM


def test_strings_measured_together_are_known_to_be_correlated():
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    template = AerBackend().compile(bell)

    equal, opposite = (SparsePauliOp(["ZI", "IZ"], [1.0, sign]) for sign in (1.0, -1.0))
    evs, stds_ = template.estimate([equal, opposite], shots=10_000, seed=4)

    assert evs[1] == stds_[1] == 0
    assert stds_[0] == pytest.approx(2 / np.sqrt(10_000), rel=0.01)


@pytest.mark.parametrize(
    "observables",
    [
        "XIX",
        Pauli("IYY"),
        ENERGY,
        SparseObservable("Z0X"),
        ["ZZZ"],
        [ENERGY, "ZZZ", Pauli("XXX")],
        ["III", SparsePauliOp("III", 3.0)],
    ],
    ids=["label", "Pauli", "sum", "projector", "list of one", "list", "identities"],
)
@pytest.mark.parametrize("given", [values(), values(1), values(4)], ids=["row", "one", "many"])
def test_shapes_are_those_of_exact_values(template, observables, given):
    exact = template.expectation(observables, given)

    found = template.estimate(observables, given, shots=1 << 18, seed=5)

    assert np.shape(found.evs) == np.shape(found.stds) == np.shape(exact)
    assert found.evs == pytest.approx(exact, abs=0.02)


def test_a_list_of_circuits_gives_a_list():
    plain = prepared("XX")
    template = AerBackend().compile([ansatz(2), plain])
    rows = values(3)[:, :4]

    first, second = template.estimate(["ZZ", "XX"], [rows, None], seed=6)

    assert first.evs.shape == first.stds.shape == (3, 2)
    assert second.evs.tolist()[0][1] == 1
    assert abs(second.evs[0, 0]) < 0.2


def test_circuits_and_bases_of_one_call_draw_from_streams_of_their_own():
    template = AerBackend().compile([prepared("ZZ"), prepared("ZZ")])

    first, second = template.estimate(["XI", "YI"], shots=1 << 20, seed=7)

    assert len({*first.evs.ravel().tolist(), *second.evs.ravel().tolist()}) == 4


def test_equal_seeds_give_equal_estimates_and_others_do_not(template):
    first, again, other = (template.estimate(ENERGY, values(3), seed=seed) for seed in (1, 1, 2))
    unseeded = [template.estimate(ENERGY, values(3)).evs.tolist() for _ in range(2)]

    assert first.evs.tolist() == again.evs.tolist() != other.evs.tolist()
    assert first.stds.tolist() == again.stds.tolist()
    assert unseeded[0] != unseeded[1]


def test_the_size_of_the_pieces_does_not_matter(template, monkeypatch):
    whole = template.estimate([ENERGY, "ZZZ"], values(7), seed=8)
    monkeypatch.setattr(shared, "_CHUNK_AMPLITUDES", 16)
    monkeypatch.setattr(estimates, "_MAX_PENDING", 1)

    pieces = template.estimate([ENERGY, "ZZZ"], values(7), seed=8)

    assert pieces.evs.tolist() == whole.evs.tolist()
    assert pieces.stds.tolist() == whole.stds.tolist()


def test_all_bases_are_sampled_from_one_state(template, monkeypatch):
    calls = []
    states = StatevectorProgram.states
    monkeypatch.setattr(
        StatevectorProgram, "states", lambda self, *a, **k: calls.append(1) or states(self, *a, **k)
    )

    template.estimate(ENERGY, values(5), seed=9)

    assert calls == [1]


def test_observables_of_equal_content_are_grouped_once(template, monkeypatch):
    made = []
    of = Measurement.of
    monkeypatch.setattr(Measurement, "of", lambda *given: made.append(1) or of(*given))
    changed = ENERGY.copy()

    template.estimate(ENERGY, values(), seed=1)
    template.estimate(ENERGY.copy(), values(), seed=1)
    before = len(made)
    changed.coeffs[1] = 5.0
    again = template.estimate(changed, values(), seed=1)

    assert (before, len(made)) == (1, 2)
    assert again.evs != template.estimate(ENERGY, values(), seed=1).evs


def test_strings_are_measured_in_groups_that_commute_qubit_by_qubit(template):
    template.estimate([ENERGY, "ZZZ"], values())

    (tier,) = template._tiers
    measurement = tier.measurements.sampled([ENERGY, "ZZZ"])
    groups = (ENERGY.paulis[1:] + Pauli("ZZZ")).group_commuting(qubit_wise=True)
    assert len(measurement.bases) <= len(groups) <= 6


@pytest.mark.parametrize("shots", [0, 1, -5, 2**32, 1.5, True])
def test_shots_without_a_standard_error_are_refused(template, shots):
    with pytest.raises(InvalidInputError, match="shots="):
        template.estimate("ZZZ", values(), shots=shots)


@pytest.mark.parametrize(
    ("observables", "message"),
    [
        ("ZZ", "observables on 2 qubits do not fit a circuit on 3"),
        (["ZZZ", "Z"], "on the same qubits"),
        ([], "on the same qubits"),
        (SparsePauliOp("ZZZ", 1j), "not Hermitian"),
        ([3], "cannot be a int"),
    ],
)
def test_observables_that_do_not_fit_are_refused(template, observables, message):
    with pytest.raises(InvalidInputError, match=message):
        template.estimate(observables, values())


def test_values_that_do_not_fit_are_refused(template):
    with pytest.raises(InvalidInputError, match="6 parameters"):
        template.estimate("ZZZ", values()[:4])


def test_other_tiers_say_where_estimates_are():
    template = AerBackend().compile(ansatz(), tier="native")

    with pytest.raises(UnsupportedOptionError, match="estimator"):
        template.estimate("ZZZ", values())


def test_estimates_count_as_a_programs_usage():
    def main(backend, user_messenger):
        backend.compile(ansatz()).estimate(["ZZZ", "XXX", "ZII"], values(4), shots=10)

    with RuntimeService() as service:
        job = service.run(main)
        job.result(60)

        assert job.metrics()["usage"] == {"runs": 1, "circuits": 8, "shots": 80}


@pytest.mark.parametrize(
    ("given", "observables"),
    [
        (values(), "ZZZ"),
        (values(4), [["ZZZ"], ["XXX"], ["IIY"]]),
        (values(2, 1), ["ZZZ", "XXX", SparsePauliOp(["ZII", "IXI"], [0.5, -2.0])]),
        (values(3), [Pauli("ZZZ"), Pauli("XIX"), Pauli("IYY")]),
    ],
    ids=["one", "table", "outer", "zipped"],
)
def test_an_estimator_gives_shot_statistics_for_every_broadcast(given, observables):
    pub = (ansatz().remove_final_measurements(inplace=False), observables, given)
    estimator = AerBackend().estimator(statistics="shots", seed_simulator=1)

    ours = estimator.run([pub], precision=0.01).result()[0]

    theirs = StatevectorEstimator().run([pub]).result()[0]
    assert ours.data.evs.shape == ours.data.stds.shape == theirs.data.evs.shape
    scores = (ours.data.evs - theirs.data.evs) / ours.data.stds
    assert stats.chi2.sf(np.sum(scores**2), scores.size) > FALSE_ALARM
    assert np.all(ours.data.stds < 0.025)
    assert (ours.metadata["shots"], ours.metadata["target_precision"]) == (10_000, 0.01)


def test_an_estimators_seed_gives_equal_estimates_and_pubs_differ():
    pub = (ansatz().remove_final_measurements(inplace=False), "ZZZ", values())
    estimator = AerBackend().estimator(statistics="shots", seed_simulator=1)

    first, again = (
        [float(one.data.evs) for one in estimator.run([pub, pub]).result()] for _ in range(2)
    )

    assert first == again
    assert first[0] != first[1]


def test_an_estimator_from_shots_leaves_noise_to_aer():
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.1, 0.9]]))
    estimator = AerBackend().estimator(statistics="shots", noise_model=noise, seed_simulator=3)

    result = estimator.run([(QuantumCircuit(1), "Z")], precision=0.02).result()[0]

    assert result.data.evs == pytest.approx(0.8, abs=5 * 0.02)


def test_statistics_that_do_not_exist_are_refused():
    with pytest.raises(InvalidInputError, match=r"'poisson'; allowed: normal, shots"):
        AerBackend().estimator(statistics="poisson")


def test_an_estimate_takes_numpy_seeds_and_refuses_what_is_no_seed():
    circuit = QuantumCircuit(1)
    circuit.ry(1.0, 0)
    circuit.measure_all()
    template = AerBackend().compile(circuit)

    assert template.estimate("Z", seed=np.int64(7)) == template.estimate("Z", seed=7)
    with pytest.raises(InvalidInputError, match="seed must be an integer in 0"):
        template.estimate("Z", seed=1.5)
