# SPDX-License-Identifier: Apache-2.0
"""Shots follow the probabilities, show in the right clbits, and depend on the seed alone.

Each chi-squared test has a false-alarm rate of one in a million; seeds are fixed, so a test that
passes once passes always.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import ParameterVector
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector
from scipy import stats

from qruntime.errors import InvalidInputError
from qruntime.execution import StatevectorProgram

FALSE_ALARM = 1e-6


def assert_follows(counts: dict[str, int], expected: dict[str, float], shots: int) -> None:
    """Chi-squared test; outcomes that are expected less than five times are pooled."""
    assert sum(counts.values()) == shots
    assert all(expected.get(key, 0.0) > 1e-15 for key in counts)
    pairs = [(counts.get(key, 0), p * shots) for key, p in expected.items()]
    common = [pair for pair in pairs if pair[1] >= 5]
    rare = [pair for pair in pairs if pair[1] < 5]
    if sum(pair[1] for pair in rare) >= 5:
        common.append((sum(pair[0] for pair in rare), sum(pair[1] for pair in rare)))
    if len(common) > 1:
        statistic = sum((seen - mean) ** 2 / mean for seen, mean in common)
        assert stats.chi2.sf(statistic, len(common) - 1) > FALSE_ALARM


def marginals(circuit: QuantumCircuit, qubits: list[int]) -> dict[str, float]:
    bare = circuit.remove_final_measurements(inplace=False)
    return Statevector(bare).probabilities_dict(qubits)


@pytest.mark.parametrize("shots", [1, 100, 4000, 300_000, 2_000_000])
@pytest.mark.parametrize("width", [1, 2, 5, 9])
def test_shots_follow_the_probabilities(width: int, shots: int) -> None:
    circuit = random_circuit(width, 5, max_operands=min(width, 3), seed=width)
    expected = Statevector(circuit).probabilities_dict()
    circuit.measure_all()

    counts = StatevectorProgram.compile(circuit).sample(None, shots, seed=shots).counts()

    assert_follows(counts, expected, shots)


@pytest.mark.parametrize("shots", [50, 3000, 100_000])
@pytest.mark.parametrize("qubits", [[4], [0, 1, 2], [6, 2, 5], [5, 0, 3, 1, 6, 2, 4]])
def test_partial_measurements_show_the_marginal(qubits: list[int], shots: int) -> None:
    circuit = random_circuit(7, 5, max_operands=3, seed=11)
    expected = Statevector(circuit).probabilities_dict(qubits)
    circuit.add_register(ClassicalRegister(len(qubits)))
    circuit.measure(qubits, range(len(qubits)))

    counts = StatevectorProgram.compile(circuit).sample(None, shots, seed=5).counts()

    assert_follows(counts, expected, shots)


def test_many_bindings_each_follow_their_own_probabilities() -> None:
    angles = ParameterVector("t", 3)
    circuit = QuantumCircuit(3)
    for qubit, angle in enumerate(angles):
        circuit.ry(angle, qubit)
    circuit.cx(0, 2)
    circuit.measure_all()
    rows = np.random.default_rng(3).uniform(-3, 3, (20, 3))

    samples = StatevectorProgram.compile(circuit).sample(rows, 700, seed=9)

    for k, row in enumerate(rows):
        expected = marginals(circuit.assign_parameters(row), [0, 1, 2])
        assert_follows(samples.counts(k), expected, 700)


def test_the_spread_between_streams_is_binomial() -> None:
    circuit = QuantumCircuit(1)
    circuit.ry(0.9, 0)
    circuit.measure_all()
    program = StatevectorProgram.compile(circuit)
    p = np.sin(0.45) ** 2
    for shots in (20, 40, 4096):
        rows = np.empty((4000, 0))
        samples = program.sample(rows, shots, seed=8)
        ones = np.array([samples.counts(k).get("1", 0) for k in range(4000)])

        expected = {str(k): q for k, q in enumerate(stats.binom.pmf(range(shots + 1), shots, p))}
        seen = {str(k): v for k, v in Counter(ones.tolist()).items()}
        assert_follows(seen, expected, 4000)


def test_registers_appear_as_qiskit_writes_them() -> None:
    qubits = QuantumRegister(3)
    first, second = ClassicalRegister(2, "first"), ClassicalRegister(3, "second")
    circuit = QuantumCircuit(qubits, first, second)
    circuit.x([0, 2])
    circuit.measure(0, first[1])
    circuit.measure(2, second[0])
    circuit.measure(0, second[2])
    circuit.measure(1, first[0])

    samples = StatevectorProgram.compile(circuit).sample(None, 7, seed=1)

    assert samples.counts() == {"101 10": 7}
    assert samples.hex_counts() == {"0x16": 7}
    assert samples.memory() == ["101 10"] * 7
    keys, _ = samples.row()
    assert samples.readout.packed(keys, [2, 3, 4]).tolist() == [[0b101]]


def test_a_clbit_shows_its_last_measurement() -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.measure(1, 0)

    assert StatevectorProgram.compile(circuit).sample(None, 3, seed=1).counts() == {"0": 3}


def test_more_clbits_than_a_machine_word_keep_their_places() -> None:
    circuit = QuantumCircuit(3, 90)
    circuit.x(1)
    circuit.measure(1, 88)
    circuit.measure(1, 3)
    circuit.measure(0, 70)

    samples = StatevectorProgram.compile(circuit).sample(None, 2, seed=1)

    assert samples.hex_counts() == {hex(1 << 88 | 1 << 3): 2}
    assert samples.counts() == {f"{1 << 88 | 1 << 3:090b}": 2}


def test_strings_of_a_wide_circuit_match_its_integers() -> None:
    circuit = random_circuit(14, 3, max_operands=2, seed=2)
    circuit.h(range(14))
    circuit.measure_all()

    samples = StatevectorProgram.compile(circuit).sample(None, 500, seed=2)

    by_number = {f"{int(key, 16):014b}": count for key, count in samples.hex_counts().items()}
    assert samples.counts() == by_number


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(1, 6), st.integers(0, 10**6), st.data())
def test_any_measurement_map_agrees_with_aer(width: int, seed: int, data: st.DataObject) -> None:
    aer = pytest.importorskip("qiskit_aer")
    circuit = random_circuit(width, 3, max_operands=min(width, 3), seed=seed)
    for size in data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)):
        circuit.add_register(ClassicalRegister(size))
    for clbit in range(circuit.num_clbits):
        if data.draw(st.booleans()) or clbit == 0:
            circuit.measure(data.draw(st.integers(0, width - 1)), clbit)
    shots = 2000

    counts = StatevectorProgram.compile(circuit).sample(None, shots, seed=seed).counts()

    simulator = aer.AerSimulator(method="statevector", max_parallel_threads=1)
    run = circuit.decompose(reps=4)
    theirs = simulator.run(run, shots=20 * shots, seed_simulator=seed).result().get_counts()
    estimate = {key: (number + 1) / (20 * shots) for key, number in theirs.items()}
    assert sum(counts.values()) == shots
    distance = sum(abs(counts.get(k, 0) / shots - p) for k, p in estimate.items())
    missing = sum(number for key, number in counts.items() if key not in estimate)
    assert distance < 0.35
    assert missing / shots < 0.01


def fair() -> StatevectorProgram:
    circuit = QuantumCircuit(8)
    circuit.h(range(8))
    circuit.measure_all()
    return StatevectorProgram.compile(circuit)


@pytest.mark.parametrize("shots", [100, 10_000])
def test_the_same_seed_gives_the_same_counts(shots: int) -> None:
    rows = np.empty((3, 0))
    first, second = (fair().sample(rows, shots, seed=7) for _ in range(2))

    assert [first.counts(k) for k in range(3)] == [second.counts(k) for k in range(3)]


@pytest.mark.parametrize("shots", [100, 10_000])
def test_bindings_streams_seeds_and_unseeded_calls_draw_independently(shots: int) -> None:
    program, rows = fair(), np.empty((3, 0))
    samples = [
        program.sample(rows, shots, seed=7),
        program.sample(rows, shots, seed=8),
        program.sample(rows, shots, seed=7, stream=1),
        program.sample(rows, shots),
        program.sample(rows, shots),
        program.sample(rows, shots, seed=2**200),
    ]

    different = {tuple(sample.counts(k).items()) for sample in samples for k in range(3)}

    assert len(different) == 18


def test_a_binding_draws_the_same_alone_in_front_and_in_a_long_list() -> None:
    circuit = QuantumCircuit(11)
    circuit.h(range(11))
    circuit.measure_all()
    program = StatevectorProgram.compile(circuit)

    long = program.sample(np.empty((3000, 0)), 1500, seed=4)
    short = program.sample(np.empty((1, 0)), 1500, seed=4)

    assert long.counts(0) == short.counts(0)
    assert sum(long.counts(2999).values()) == 1500
    assert len({tuple(long.row(k)[0].tolist()) for k in range(0, 3000, 100)}) == 30


def test_memory_holds_the_counts_in_random_order() -> None:
    samples = fair().sample(None, 4000, seed=3)

    memory = samples.memory()

    assert Counter(memory) == samples.counts()
    ranks = np.array([int(shot, 2) for shot in memory])
    assert abs(np.corrcoef(ranks[:-1], ranks[1:])[0, 1]) < 0.08
    assert abs(np.corrcoef(ranks, np.arange(4000))[0, 1]) < 0.08


def test_an_impossible_outcome_never_occurs() -> None:
    circuit = QuantumCircuit(7)
    circuit.h(0)
    for qubit in range(6):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()

    samples = StatevectorProgram.compile(circuit).sample(np.empty((5000, 0)), 90, seed=1)

    assert set(samples.keys.tolist()) == {0, 127}


def test_a_state_is_measured_in_many_bases_without_being_simulated_again() -> None:
    ansatz = random_circuit(4, 4, max_operands=3, seed=21)
    states = StatevectorProgram.compile(ansatz).states()
    for bases in ("XXZZ", "YXZY"):
        suffix = QuantumCircuit(4)
        for qubit, letter in enumerate(reversed(bases)):
            if letter == "Y":
                suffix.sdg(qubit)
            if letter in "XY":
                suffix.h(qubit)
        expected = Statevector(ansatz.compose(suffix)).probabilities_dict()
        suffix.measure_all()
        program = StatevectorProgram.compile(suffix, continues=True)

        assert_follows(program.sample(None, 3000, seed=1, states=states).counts(), expected, 3000)


def test_a_circuit_without_measurements_cannot_be_sampled() -> None:
    with pytest.raises(InvalidInputError, match="measures nothing"):
        StatevectorProgram.compile(QuantumCircuit(1)).sample(None, 10)


@pytest.mark.parametrize("shots", [0, -1, 2**32])
def test_a_number_of_shots_out_of_range_is_refused(shots: int) -> None:
    with pytest.raises(InvalidInputError, match="shots"):
        fair().sample(None, shots)


@pytest.mark.parametrize("shots", [1, 7, 100, 1000, 20000])
def test_only_outcomes_that_occurred_are_listed_and_they_add_up(shots):
    circuit = QuantumCircuit(4)
    for qubit in range(4):
        circuit.ry(0.3 + 0.4 * qubit, qubit)
    circuit.measure_all()
    program = StatevectorProgram.compile(circuit)

    for seed in range(50):
        _, occurrences = program.sample(None, shots, seed=seed).row()

        assert occurrences.min() > 0
        assert occurrences.sum() == shots
