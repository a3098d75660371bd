# SPDX-License-Identifier: Apache-2.0
"""Circuits that begin alike share their beginning, and nothing shows it but the time."""

from __future__ import annotations

import itertools

import circuits
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import Statevector
from scipy import stats

from qruntime import AerBackend, InvalidInputError
from qruntime.execution import StatevectorProgram, alike, shared
from qruntime.execution.sampled import SampledResult
from qruntime.execution.shared import SharedPrefixes

FALSE_ALARM = 1e-6
QUBITS = 6


@pytest.fixture
def always(monkeypatch):
    """Share whatever is in common, however little it saves."""
    for name in ("_CALL_NS", "_MEMBER_NS", "_COPY_NS"):
        monkeypatch.setattr(alike, name, 0.0)


@pytest.fixture
def simulated(monkeypatch):
    """How many states each call for states has made."""
    made = []
    states = StatevectorProgram.states

    def counting(self, values=None, **given):
        found = states(self, values, **given)
        made.append(len(found))
        return found

    monkeypatch.setattr(StatevectorProgram, "states", counting)
    return made


def ansatz(qubits=QUBITS, layers=4, name="t"):
    angles = iter(ParameterVector(name, 2 * qubits * layers))
    circuit = QuantumCircuit(qubits)
    for _ in range(layers):
        for qubit in range(qubits):
            circuit.ry(next(angles), qubit)
            circuit.rz(next(angles), qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    for qubit in range(qubits):
        circuit.rx(0.1 + qubit, qubit)
    return circuit


def in_basis(circuit, letters):
    turned = circuit.copy()
    for qubit, letter in enumerate(letters):
        if letter == "Y":
            turned.sdg(qubit)
        if letter in "XY":
            turned.h(qubit)
    turned.measure_all()
    return turned


def bases(circuit=None, number=9, qubits=QUBITS):
    drawn = np.random.default_rng(5).choice(list("XYZ"), (number, qubits))
    return [in_basis(circuit or ansatz(), letters) for letters in drawn]


def rows(number=1, width=2 * QUBITS * 4, seed=1):
    return np.random.default_rng(seed).uniform(-3, 3, (number, width))


def alone(each, values, *, shots, seed, memory=False):
    """Return the counts of circuits that were compiled apart, as places of one run."""
    found, first = [], 0
    for circuit, given_ in zip(each, values, strict=True):
        (tier,) = AerBackend().compile(circuit)._tiers
        items = tier.sample(np.atleast_2d(given_), shots, seed, first, memory=memory)
        found += SampledResult(items).results
        first += len(items)
    return [experiment.data.to_dict() for experiment in found]


def together(template, values, **given_):
    result = template.run(values, **given_).result()
    return [experiment.data.to_dict() for experiment in result.results]


def test_what_is_not_shared_is_a_gate_a_qubit():
    template = AerBackend().compile(bases())

    (family,) = template._together._families
    assert family.common.members == tuple(range(9))
    assert max(len(tail.fused.nodes) for tail in family.tails) == QUBITS


def test_a_change_of_basis_changes_nothing_else():
    for letters in ("XXXXXX", "YZXZYX", "ZZZZZZ"):
        circuit = in_basis(ansatz(), letters)
        bare = circuit.remove_final_measurements(inplace=False)

        (state,) = StatevectorProgram.compile(circuit).states(rows())

        exact = Statevector(bare.assign_parameters(rows()[0])).data
        assert state == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("shots", [7, 1000, 100_000])
def test_shots_are_those_of_circuits_compiled_apart(shots, simulated):
    each = bases()
    template = AerBackend().compile(each)
    values = [rows(3)] * len(each)

    ours = together(template, values, shots=shots, seed=11, memory=True)

    assert simulated == [3]
    assert ours == alone(each, values, shots=shots, seed=11, memory=True)


def test_counts_of_every_basis_follow_the_exact_probabilities():
    each, row = bases(), rows()[0]
    shots = 50_000

    result = AerBackend().compile(each).run([row] * len(each), shots=shots, seed=2).result()

    for number, circuit in enumerate(each):
        bare = circuit.remove_final_measurements(inplace=False).assign_parameters(row)
        exact = Statevector(bare).probabilities() * shots
        counts = result.get_counts(number)
        seen = np.array([counts.get(f"{k:06b}", 0) for k in range(2**QUBITS)])
        likely = exact >= 5
        expected = [*exact[likely], max(exact[~likely].sum(), 1e-9)]
        drawn = [*seen[likely], seen[~likely].sum()]
        statistic = sum((d - e) ** 2 / e for d, e in zip(drawn, expected, strict=True) if e >= 5)
        assert stats.chi2.sf(statistic, likely.sum()) > FALSE_ALARM


def test_only_circuits_with_equal_values_share(always, simulated):
    each = bases()
    values = [rows(2)] * 4 + [rows(2, seed=2)] * 3 + [rows(2, seed=3), rows(4, seed=3)]
    template = AerBackend().compile(each)

    ours = together(template, values, shots=500, seed=3)

    assert simulated == [2, 2]
    assert ours == alone(each, values, shots=500, seed=3)


def test_values_of_many_circuits_may_be_one_array(always):
    each = bases(number=3)
    values = np.stack([rows(2), rows(2, seed=2), rows(2)])

    ours = together(AerBackend().compile(each), values, shots=500, seed=3)

    assert ours == alone(each, values, shots=500, seed=3)


def test_parameters_of_their_own_are_matched_by_their_order_of_appearance(always, simulated):
    def own(first, second, letters):
        circuit = QuantumCircuit(2)
        circuit.rx(2 * Parameter(first), 0)
        circuit.cx(0, 1)
        circuit.rx(Parameter(second) + 1, 1)
        circuit.cx(1, 0)
        return in_basis(circuit, letters)

    each = [own("a", "b", "XZ"), own("b", "a", "ZX"), own("p", "q", "YY")]
    values = [[0.3, 0.4], [0.4, 0.3], [0.3, 0.4]]
    template = AerBackend().compile(each)

    ours = together(template, values, shots=500, seed=4)

    assert template._together.shared == ((0, 1, 2),)
    assert simulated == [1]
    assert ours == alone(each, values, shots=500, seed=4)


def test_a_global_phase_is_no_difference(always, simulated):
    each = bases()
    for number, circuit in enumerate(each):
        circuit.global_phase = 0.7 * number
    values = [rows()] * len(each)

    ours = together(AerBackend().compile(each), values, shots=500, seed=4)

    assert simulated == [1]
    assert ours == alone(each, values, shots=500, seed=4)


def test_even_odds_and_certainties_survive_sharing(always, simulated):
    cluster = QuantumCircuit(4)
    cluster.h(range(4))
    for qubit in range(3):
        cluster.cz(qubit, qubit + 1)
    cluster.sx(1)
    cluster.cx(1, 2)
    each = [in_basis(cluster, letters) for letters in [*itertools.product("XYZ", repeat=4)][::5]]
    for number, circuit in enumerate(each):
        circuit.global_phase = 0.7 * number
    values = [np.empty((1, 0))] * len(each)

    ours = together(AerBackend().compile(each), values, shots=100_000, seed=4)

    assert simulated
    assert ours == alone(each, values, shots=100_000, seed=4)


def test_states_that_are_handed_on_are_the_same_to_the_last_bit(always):
    each = bases()
    for number, circuit in enumerate(each):
        circuit.global_phase = 0.7 * number
    template = AerBackend().compile(each)

    (family,) = template._together._families
    states = family.prefix.states(rows(2)[:, family.common.columns[0]])
    for program, tail in zip(template._together.programs, family.tails, strict=True):
        continued = tail.states(rows(2), states=states)
        assert np.array_equal(continued, program.states(rows(2)))


def test_each_of_several_ansaetze_is_shared_by_its_own_circuits(always, simulated):
    one, other = ansatz(), ansatz().inverse()
    each = [c for pair in zip(bases(one), bases(other), strict=True) for c in pair]
    values = [rows()] * len(each)
    template = AerBackend().compile(each)

    ours = together(template, values, shots=500, seed=5)

    assert sorted(template._together.shared) == [tuple(range(0, 18, 2)), tuple(range(1, 18, 2))]
    assert simulated == [1, 1]
    assert ours == alone(each, values, shots=500, seed=5)


def test_a_beginning_without_parameters_is_simulated_once_for_all_bindings(always, simulated):
    def kicked(turn):
        circuit = QuantumCircuit(3)
        circuit.h(0)
        circuit.cx(0, 1)
        circuit.rxx(0.4, 1, 2)
        for qubit in range(3):
            getattr(circuit, turn)(Parameter(f"k{qubit}"), qubit)
        circuit.cx(1, 2)
        circuit.cx(0, 1)
        return in_basis(circuit, "XXX")

    each = [kicked("rx"), kicked("ry")]
    values = [rows(3, 3), rows(2, 3, seed=4)]
    template = AerBackend().compile(each)

    ours = together(template, values, shots=500, seed=6)

    assert template._together.shared == ((0, 1),)
    assert simulated == [1]
    assert ours == alone(each, values, shots=500, seed=6)


def test_only_a_bounded_part_of_the_states_is_held_at_once(monkeypatch, always, simulated):
    monkeypatch.setattr(shared, "_CHUNK_AMPLITUDES", 4 << QUBITS)
    each = bases()
    values = [rows(10)] * len(each)

    ours = together(AerBackend().compile(each), values, shots=500, seed=7, memory=True)

    assert simulated == [4, 4, 2]
    assert ours == alone(each, values, shots=500, seed=7, memory=True)


def test_what_does_not_pay_is_left_alone(simulated):
    small = [in_basis(ansatz(2, 1), letters) for letters in ("XX", "ZZ")]
    template = AerBackend().compile(small)

    template.run([rows(1, 4)] * 2, shots=10)

    assert simulated == []
    assert AerBackend().compile([bases()[0]])._together.shared == ()


def test_circuits_on_other_tiers_keep_their_places():
    middle = QuantumCircuit(1, 2)
    middle.rx(0.3, 0)
    middle.measure(0, 0)
    middle.x(0)
    middle.measure(0, 1)
    each = [*bases()[:3], middle, *bases()[3:]]
    values = [None if circuit is middle else rows(2) for circuit in each]
    template = AerBackend().compile(each)

    ours = together(template, values, shots=500, seed=8)

    given_ = [np.empty((1, 0)) if value is None else value for value in values]
    assert template.tiers == ("kernel",) * 3 + ("native",) + ("kernel",) * 6
    assert ours == alone(each, given_, shots=500, seed=8)


def test_shots_that_cannot_be_drawn_are_refused():
    template = AerBackend().compile(bases())

    for shots in (0, -1, 2**32, 1.5):
        with pytest.raises(InvalidInputError, match="shots must be"):
            template.run([rows()] * 9, shots=shots)


def distance(one: dict[str, int], other: dict[str, int]) -> float:
    """Return the total variation between two counts of as many shots."""
    keys = one.keys() | other.keys()
    return sum(abs(one.get(k, 0) - other.get(k, 0)) for k in keys) / (2 * sum(one.values()))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_circuits_give_their_own_shots_up_to_rounding(data):
    """Between two outcomes of equal probability the last bit decides which is drawn first."""
    prefix = data.draw(circuits.circuits(4))
    width = prefix.num_qubits
    letters = itertools.islice(itertools.product("XYZ", repeat=width), 3)
    each = [in_basis(prefix, basis) for basis in letters]
    for _ in range(2):
        tail = data.draw(circuits.circuits(width))
        each.append(in_basis(prefix.compose(tail, range(tail.num_qubits)), "Z" * width))
    programs = [StatevectorProgram.compile(circuit, phase=False) for circuit in each]
    known = dict(zip(circuits.PARAMETERS, rows(2, 3).T, strict=True))
    values = [
        np.array([known[parameter] for parameter in program.parameters]).reshape(-1, 2).T
        for program in programs
    ]

    with pytest.MonkeyPatch.context() as patched:
        for name in ("_CALL_NS", "_MEMBER_NS", "_COPY_NS"):
            patched.setattr(alike, name, 0.0)
        shared_programs = SharedPrefixes.of(programs)
        ours = shared_programs.sample(values, 300, seed=9, streams=range(5))

    for family in shared_programs._families:
        for place, member in enumerate(family.common.members):
            extended = programs[member].extended(values[member])
            begun = family.prefix.states(extended[:, family.common.columns[place]])
            ended = family.tails[place].states(values[member], states=begun)
            whole = programs[member].states(values[member])
            np.testing.assert_allclose(ended, whole, rtol=0, atol=1e-14)
    for number, program in enumerate(programs):
        theirs = program.sample(values[number], 300, seed=9, stream=number)
        for binding in range(2):
            assert distance(ours[number].counts(binding), theirs.counts(binding)) <= 0.1
