# SPDX-License-Identifier: Apache-2.0
"""The compiled statevector gives the amplitudes, expectation values and refusals it promises."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from circuits import PARAMETERS, STANDARD, build, circuits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import ControlledGate, Parameter, ParameterVector
from qiskit.circuit.library import PauliEvolutionGate, QFTGate, StatePreparation
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import SparsePauliOp, Statevector, random_pauli_list, random_statevector

from qruntime.errors import InvalidInputError
from qruntime.execution import NotSupportedError, PauliSums, StatevectorProgram

EXACT = 1e-12
relaxed = settings(
    deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), max_examples=150
)


def reference(circuit: QuantumCircuit) -> np.ndarray:
    return Statevector(circuit).data


def distance(circuit: QuantumCircuit) -> float:
    return float(abs(StatevectorProgram.compile(circuit).states()[0] - reference(circuit)).max())


def smeared(width: int, seed: int) -> QuantumCircuit:
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(width)
    for qubit in range(width):
        circuit.u(*rng.uniform(-3, 3, 3), qubit)
    return circuit


@relaxed
@given(circuits(), st.lists(st.floats(-4, 4), min_size=6, max_size=6))
def test_every_static_circuit_has_exact_amplitudes(circuit: QuantumCircuit, numbers: list) -> None:
    program = StatevectorProgram.compile(circuit)
    rows = np.array(numbers).reshape(2, 3)[:, : circuit.num_parameters]

    states = program.states(rows)

    assert program.parameters == tuple(circuit.parameters)
    for row, state in zip(rows, states, strict=True):
        assert abs(state - reference(circuit.assign_parameters(row))).max() < EXACT


@pytest.mark.parametrize("kind", STANDARD, ids=lambda kind: kind.__name__)
def test_every_standard_gate_is_exact_for_every_control_state(kind: type) -> None:
    plain = build(kind, [0.7, -2.1, 1.3, 4.4])
    states = range(2**plain.num_ctrl_qubits) if isinstance(plain, ControlledGate) else [None]
    for state in states:
        gate = plain.to_mutable()
        if state is not None:
            gate.ctrl_state = state
        circuit = smeared(gate.num_qubits + 1, 3)
        circuit.append(gate, range(gate.num_qubits, 0, -1))

        assert distance(circuit) < EXACT


@pytest.mark.parametrize("kind", STANDARD, ids=lambda kind: kind.__name__)
def test_every_standard_gate_is_exact_with_free_angles(kind: type) -> None:
    gate = build(kind, [*PARAMETERS, 2 * PARAMETERS[0] - 1])
    circuit = smeared(gate.num_qubits + 3, 4)
    circuit.append(gate, range(gate.num_qubits))
    row = np.array([0.3, -1.7, 2.9])[: circuit.num_parameters]

    state = StatevectorProgram.compile(circuit).states(row)[0]

    assert abs(state - reference(circuit.assign_parameters(row))).max() < EXACT


@pytest.mark.parametrize(("width", "seed"), [(w, s) for w in range(1, 13) for s in range(3)])
def test_random_circuits_of_each_width_are_exact(width: int, seed: int) -> None:
    circuit = random_circuit(width, 7, max_operands=min(width, 4), seed=100 * width + seed)

    assert distance(circuit) < EXACT


@pytest.mark.parametrize("width", [12, 14, 16])
def test_wide_diagonals_link_qubits_across_tiles(width: int) -> None:
    rng = np.random.default_rng(width)
    circuit = smeared(width, width)
    for first in range(width):
        for second in range(first):
            circuit.rzz(rng.uniform(-3, 3), first, second)
        circuit.p(rng.uniform(-3, 3), first)
    circuit.ccz(0, width // 2, width - 1)
    circuit.h(range(width))

    assert distance(circuit) < EXACT


@pytest.mark.parametrize(
    "gate",
    [
        StatePreparation(random_statevector(8, seed=3)),
        QFTGate(3),
        PauliEvolutionGate(SparsePauliOp("XYZ"), time=0.3),
    ],
    ids=["prepare", "qft", "evolve"],
)
def test_composite_gates_go_by_their_definition(gate: object) -> None:
    circuit = QuantumCircuit(4)
    circuit.append(gate, [3, 1, 0])

    found = StatevectorProgram.compile(circuit).states()[0]

    assert abs(found - reference(circuit.decompose(reps=3))).max() < EXACT


def test_initialize_at_the_start_is_a_preparation() -> None:
    circuit = QuantumCircuit(3)
    circuit.initialize(random_statevector(4, seed=1).data, [2, 0])
    circuit.cx(2, 1)
    program = StatevectorProgram.compile(circuit)

    fidelity = abs(np.vdot(program.states()[0], reference(circuit))) ** 2
    assert fidelity == pytest.approx(1, abs=EXACT)


@settings(relaxed, max_examples=40)
@given(st.integers(1, 7), st.integers(0, 10**6))
def test_expectation_values_are_exact(width: int, seed: int) -> None:
    circuit = random_circuit(width, 4, max_operands=min(width, 3), seed=seed)
    weights = np.random.default_rng(seed).normal(size=9)
    whole = SparsePauliOp(random_pauli_list(width, 9, phase=False, seed=seed), weights)

    found = StatevectorProgram.compile(circuit).expectation(None, [whole, whole[2:5], whole[0]])

    state = Statevector(circuit)
    expected = [state.expectation_value(o).real for o in (whole, whole[2:5], whole[0])]
    assert found[0] == pytest.approx(expected, abs=EXACT)


def test_expectation_values_of_a_wide_state_add_up_over_tiles() -> None:
    width = 13
    circuit = random_circuit(width, 4, max_operands=3, seed=5)
    paulis = random_pauli_list(width, 20, phase=False, seed=6)
    paulis[0].x[:] = False
    sums = [SparsePauliOp(p) for p in paulis] + [SparsePauliOp("Z" * width)]

    found = StatevectorProgram.compile(circuit).expectation(None, sums)[0]

    state = Statevector(circuit)
    expected = [state.expectation_value(o).real for o in sums]
    assert found == pytest.approx(expected, abs=EXACT)


def test_a_program_that_continues_starts_from_given_states() -> None:
    first = smeared(4, 1)
    first.cx(0, 3)
    second = QuantumCircuit(4, global_phase=0.4)
    second.h(0)
    second.rzz(0.3, 0, 2)
    states = StatevectorProgram.compile(first).states()

    found = StatevectorProgram.compile(second, continues=True).states(states=states)

    assert abs(found[0] - reference(first.compose(second))).max() < EXACT


def test_a_program_that_continues_needs_states() -> None:
    program = StatevectorProgram.compile(QuantumCircuit(1), continues=True)

    with pytest.raises(InvalidInputError, match="states"):
        program.states()


def test_the_circuit_may_change_after_it_was_compiled() -> None:
    angle = Parameter("t")
    circuit = QuantumCircuit(2)
    circuit.ry(angle, 0)
    program = StatevectorProgram.compile(circuit)
    before = program.states([0.3])

    circuit.x(1)
    circuit.assign_parameters({angle: 1.0}, inplace=True)

    assert np.array_equal(program.states([0.3]), before)


def test_one_program_runs_in_many_threads() -> None:
    angles = ParameterVector("t", 8)
    circuit = QuantumCircuit(8)
    for qubit, angle in enumerate(angles):
        circuit.ry(angle, qubit)
        circuit.rzz(angle, qubit, (qubit + 1) % 8)
        circuit.rx(angle * 2, qubit)
    program = StatevectorProgram.compile(circuit)
    rows = np.random.default_rng(1).uniform(-3, 3, (8, 30, 8))
    expected = [program.states(part) for part in rows]
    found: dict[int, list[np.ndarray]] = {}

    def work(k: int) -> None:
        found[k] = [program.states(rows[k]) for _ in range(10)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(np.array_equal(got, expected[k]) for k in range(8) for got in found[k])


def measured_twice() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.x(0)
    return circuit


def reset_later() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.reset(0)
    return circuit


def conditional() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((0, 1)):
        circuit.x(0)
    return circuit


def swapped_after_measurement() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    circuit.swap(0, 1)
    return circuit


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (measured_twice, "used again after its measurement"),
        (swapped_after_measurement, "used again after its measurement"),
        (reset_later, "reset after it was used"),
        (conditional, "control flow"),
        (lambda: QuantumCircuit(31), "31 qubits"),
        (lambda: QuantumCircuit(0), "0 qubits"),
    ],
)
def test_what_is_not_static_is_declined_with_the_reason(make: object, reason: str) -> None:
    with pytest.raises(NotSupportedError, match=reason) as caught:
        StatevectorProgram.compile(make())

    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "values", [[1.0], [[1.0]], [1.0, np.nan], [1.0, 1j], ["a", "b"], np.zeros((1, 1, 2))]
)
def test_values_that_do_not_fit_are_refused(values: object) -> None:
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1))
    circuit.u(Parameter("a"), Parameter("b"), 0, 0)
    program = StatevectorProgram.compile(circuit)

    with pytest.raises(InvalidInputError, match="values"):
        program.states(values)


def test_an_expression_without_a_value_is_refused() -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("a").log(), 0)

    with pytest.raises(InvalidInputError, match="log"):
        StatevectorProgram.compile(circuit).states([-1.0])


@pytest.mark.parametrize("observable", [SparsePauliOp("X", [1j]), 3, SparsePauliOp("XX")])
def test_observables_that_do_not_fit_are_refused(observable: object) -> None:
    program = StatevectorProgram.compile(QuantumCircuit(1))

    with pytest.raises(InvalidInputError, match="observable"):
        program.expectation(None, [observable])


def test_observables_on_different_qubits_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="same qubits"):
        PauliSums.of(["X", "XX"])


def test_importing_the_package_does_not_import_numba() -> None:
    code = "import sys, qruntime.execution; sys.exit('numba' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
