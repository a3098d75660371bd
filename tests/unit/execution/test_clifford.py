# SPDX-License-Identifier: Apache-2.0
"""Tests of the Clifford tier against Aer's stabilizer method and against exact states."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.library import PauliGate, UnitaryGate, get_standard_gate_name_mapping
from qiskit.quantum_info import Statevector
from scipy.stats import chisquare

from qruntime.errors import InvalidInputError
from qruntime.execution.clifford import CliffordProgram, prefer_clifford
from qruntime.execution.unsupported import NotSupportedError

pytest.importorskip("stim")

STANDARD = get_standard_gate_name_mapping()
PLAIN_NAMES = ("id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg")
PAIR_NAMES = ("cx", "cy", "cz", "swap", "iswap", "dcx", "ecr")
TURN_NAMES = ("rx", "ry", "rz", "p", "u1", "rxx", "ryy", "rzz", "rzx", "r", "u", "u2", "u3")
GATES = [STANDARD[name] for name in PLAIN_NAMES + PAIR_NAMES + TURN_NAMES]
FALSE_ALARM = 1e-6
"""How likely one chi-squared test fails for a correct sampler; the seeds are fixed besides."""


@st.composite
def unitary_circuits(draw, qubits=4, length=20):
    circuit = QuantumCircuit(qubits)
    for _ in range(draw(st.integers(1, length))):
        gate = draw(st.sampled_from(GATES)).to_mutable()
        gate.params = [draw(st.integers(-5, 5)) * math.pi / 2 for _ in gate.params]
        circuit.append(gate, draw(st.permutations(range(qubits)))[: gate.num_qubits])
    return circuit


def fits(counts, probabilities):
    shots = sum(counts.values())
    assert set(counts) <= {key for key, value in probabilities.items() if value > 1e-9}
    wanted = {key: value * shots for key, value in probabilities.items() if value > 1e-9}
    if len(wanted) == 1:
        return True
    total = sum(wanted.values())
    found = [counts.get(key, 0) for key in wanted]
    expected = [value * shots / total for value in wanted.values()]
    return chisquare(found, expected).pvalue > FALSE_ALARM


@settings(max_examples=60)
@given(unitary_circuits(), st.integers(0, 2**63))
def test_random_circuits_have_the_distribution_of_their_state(circuit, seed):
    probabilities = Statevector(circuit).probabilities_dict()
    circuit.measure_all()
    counts = CliffordProgram.compile(circuit).sample(512, seed=seed).counts()

    assert fits(counts, probabilities)


@settings(max_examples=40)
@given(unitary_circuits())
def test_a_circuit_and_its_inverse_give_zeros(circuit):
    whole = circuit.compose(circuit.inverse())
    whole.measure_all()

    assert CliffordProgram.compile(whole).sample(64, seed=1).counts() == {"0000": 64}


def test_measurements_in_the_middle_resets_and_registers_as_aer_has_them():
    aer = pytest.importorskip("qiskit_aer")
    a, b = ClassicalRegister(2, "a"), ClassicalRegister(3, "b")
    circuit = QuantumCircuit(QuantumRegister(3), a, b)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure(0, a[1])
    circuit.reset(0)
    circuit.h(0)
    circuit.cx(1, 2)
    circuit.measure([0, 1, 2], [b[0], b[2], a[0]])
    circuit.h(1)
    circuit.measure(1, b[2])
    counts = CliffordProgram.compile(circuit).sample(4000, seed=3).counts()
    simulator = aer.AerSimulator(method="stabilizer", max_parallel_threads=1)
    expected = simulator.run(circuit, shots=40_000, seed_simulator=3).result().get_counts()

    assert set(counts) == set(expected)
    assert fits(counts, {key: 1 / len(expected) for key in expected})


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9), max_size=30), st.integers(10, 80))
def test_deterministic_circuits_give_exactly_their_bits(flips, width):
    circuit = QuantumCircuit(width + 1, width + 1)
    state = [0] * (width + 1)
    for qubit in flips:
        circuit.x(qubit)
        circuit.cx(qubit, width)
        state[qubit] ^= 1
        state[width] ^= state[qubit]
    circuit.measure(range(width + 1), reversed(range(width + 1)))
    counts = CliffordProgram.compile(circuit).sample(5, seed=1).counts()

    assert counts == {"".join(str(bit) for bit in state): 5}


def test_a_bit_measured_twice_has_its_last_value_and_one_never_measured_is_zero():
    circuit = QuantumCircuit(2, 3)
    circuit.measure(0, 2)
    circuit.x(0)
    circuit.measure(0, 2)
    samples = CliffordProgram.compile(circuit).sample(4, seed=1)

    assert samples.counts() == {"100": 4}
    assert samples.hex_counts() == {"0x4": 4}
    assert samples.bits().tolist() == [[False, False, True]] * 4


def test_the_same_seed_gives_the_same_shots_and_no_seed_gives_others():
    circuit = QuantumCircuit(70)
    circuit.h(range(70))
    circuit.measure_all()
    program = CliffordProgram.compile(circuit)
    same = [program.sample(50, seed=9).packed for _ in range(2)]
    fresh = [program.sample(50).packed for _ in range(2)]

    assert np.array_equal(*same)
    assert not np.array_equal(*fresh)
    assert not np.array_equal(same[0], program.sample(50, seed=10).packed)


@pytest.mark.parametrize(
    "gate",
    [
        PauliGate("XYZ"),
        UnitaryGate(STANDARD["cx"].to_matrix()),
        STANDARD["cx"].base_gate.control(1, ctrl_state=0),
        STANDARD["cp"].to_mutable().__class__(math.pi),
        STANDARD["cp"].to_mutable().__class__(math.pi, ctrl_state=0),
    ],
    ids=["pauli", "unitary", "open cx", "cp", "open cp"],
)
def test_other_gates_that_are_clifford(gate):
    circuit = QuantumCircuit(3)
    circuit.h([0, 1])
    circuit.s(1)
    circuit.append(gate, range(gate.num_qubits))
    circuit.h(range(3))
    probabilities = Statevector(circuit).probabilities_dict()
    circuit.measure_all()

    assert fits(CliffordProgram.compile(circuit).sample(2000, seed=1).counts(), probabilities)


def test_a_users_gate_is_read_by_its_definition_and_not_by_its_name():
    definition = QuantumCircuit(1)
    definition.x(0)
    disguised = Gate("z", 1, [])
    disguised.definition = definition
    circuit = QuantumCircuit(1)
    circuit.append(disguised, [0])
    circuit.measure_all()

    assert CliffordProgram.compile(circuit).sample(3, seed=1).counts() == {"1": 3}


def free():
    circuit = QuantumCircuit(1, 1)
    circuit.rx(Parameter("a"), 0)
    return circuit


def conditional():
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    return circuit


def with_gate(name, *params):
    circuit = QuantumCircuit(3, 1)
    gate = STANDARD[name].to_mutable()
    gate.params = list(params)
    circuit.append(gate, range(gate.num_qubits))
    return circuit


@pytest.mark.parametrize(
    ("circuit", "reason"),
    [
        (free(), "unbound"),
        (conditional(), "if_else"),
        (with_gate("t"), "'t' is not a Clifford"),
        (with_gate("ccx"), "'ccx' is not a Clifford"),
        (with_gate("rz", 0.3), "'rz' turns by 0.3"),
        (with_gate("rzz", 1e-6), "'rzz' turns by 1e-06"),
    ],
    ids=["free", "conditional", "t", "ccx", "rz", "rzz"],
)
def test_what_is_not_clifford_is_declined(circuit, reason):
    with pytest.raises(NotSupportedError, match=reason):
        CliffordProgram.compile(circuit)


def test_without_stim_it_declines(monkeypatch):
    monkeypatch.setitem(sys.modules, "stim", None)

    with pytest.raises(NotSupportedError, match="not installed"):
        CliffordProgram.compile(QuantumCircuit(1))


def test_no_shots_are_refused():
    with pytest.raises(InvalidInputError, match="1 or more"):
        CliffordProgram.compile(QuantumCircuit(1, 1)).sample(0)


@pytest.mark.parametrize(
    ("num_qubits", "gates", "shots", "preferred"),
    [
        (2, 15, 1, False),
        (2, 15, 1000, True),
        (12, 90, 10_000, True),
        (50, 375, 1, False),
        (50, 375, 100, True),
        (100, 6000, 1, False),
        (300, 2250, 1000, True),
    ],
)
def test_stim_is_preferred_where_it_was_measured_to_be_faster(num_qubits, gates, shots, preferred):
    assert prefer_clifford(num_qubits, gates, shots) is preferred
