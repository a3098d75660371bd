# SPDX-License-Identifier: Apache-2.0
"""Gates act alike wherever their qubits lie: in a vector, across vectors, in a piece or outside."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import RXXGate, RYGate, UGate, UnitaryGate
from qiskit.quantum_info import Operator, Statevector, random_unitary

from qruntime.execution import StatevectorProgram, passes, tape
from qruntime.execution.atoms import Flip, Matrix, Phase
from qruntime.execution.expressions import Angle
from qruntime.execution.fusion import Dense, Diagonal, Node, reach
from qruntime.execution.passes import Pass, schedule

EXACT = 1e-12


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let states of seven qubits and more be worked on in pieces of six."""
    for module in (passes, tape):
        monkeypatch.setattr(module, "PIECE_BITS", 6)
        monkeypatch.setattr(module, "PIECES_FROM", 7)
    monkeypatch.setattr(passes, "PIECE_RUN_BITS", 3)


def smeared(width: int) -> QuantumCircuit:
    rng = np.random.default_rng(width)
    circuit = QuantumCircuit(width)
    for qubit in range(width):
        circuit.u(*rng.uniform(-3, 3, 3), qubit)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    return circuit


def distance(circuit: QuantumCircuit) -> float:
    found = StatevectorProgram.compile(circuit).states()[0]
    return float(abs(found - Statevector(circuit).data).max())


def mixed(width: int, seed: int) -> QuantumCircuit:
    """Return layers of unitaries on random pairs, controlled gates, phases and diagonals."""
    rng = np.random.default_rng(seed)
    circuit = smeared(width)
    for layer in range(4):
        order = [int(q) for q in rng.permutation(width)]
        for pair in zip(order[::2], order[1::2], strict=False):
            circuit.unitary(random_unitary(4, seed=int(rng.integers(1 << 31))), pair)
        circuit.append(RXXGate(0.3 + layer).control(2, ctrl_state=1), order[:4])
        circuit.append(UGate(0.2, layer, 0.4).control(1, ctrl_state=0), order[2:4])
        circuit.append(RYGate(0.7).control(1), order[1:3])
        circuit.cx(order[3], order[0])
        circuit.ccz(*order[:3])
        circuit.cp(0.3, *order[1:3])
        if layer == 2:
            circuit.unitary(random_unitary(8, seed=layer), order[:3])
            for first, second in itertools.combinations(range(width), 2):
                circuit.rzz(0.1 * first - 0.2 * second, first, second)
    return circuit


@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "pieces"])
@pytest.mark.parametrize("width", [2, 3, 4, 5, 6, 9])
def test_a_unitary_on_any_two_qubits_is_exact(
    width: int, pieces: bool, request: pytest.FixtureRequest
) -> None:
    if pieces:
        request.getfixturevalue("small_pieces")
    before = smeared(width)
    for first, second in itertools.permutations(range(width), 2):
        circuit = before.copy()
        circuit.unitary(random_unitary(4, seed=8 * first + second), [first, second])

        assert distance(circuit) < EXACT


@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "pieces"])
@pytest.mark.parametrize("target", range(9))
def test_a_gate_on_any_qubit_is_exact_under_any_control(
    target: int, pieces: bool, request: pytest.FixtureRequest
) -> None:
    if pieces:
        request.getfixturevalue("small_pieces")
    before = smeared(9)
    for control in set(range(9)) - {target}:
        circuit = before.copy()
        circuit.append(UGate(0.3, 0.7, -1.1).control(1, ctrl_state=control % 2), [control, target])
        circuit.append(RYGate(0.9).control(1), [control, target])
        circuit.cx(control, target)

        assert distance(circuit) < EXACT


@pytest.mark.parametrize("control", range(9))
def test_two_targets_are_exact_under_any_control(control: int) -> None:
    before = smeared(9)
    for first, second in itertools.combinations(sorted(set(range(9)) - {control}), 2):
        circuit = before.copy()
        circuit.append(RXXGate(0.8).control(1), [control, first, second])

        assert distance(circuit) < EXACT


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("width", [7, 8, 10])
@pytest.mark.usefixtures("small_pieces")
def test_many_pieces_are_exact(width: int, seed: int) -> None:
    assert distance(mixed(width, seed)) < EXACT


@pytest.mark.parametrize("width", [16, 17, 18])
def test_states_at_the_size_of_a_piece_and_above_are_exact(width: int) -> None:
    assert distance(mixed(width, width)) < EXACT


@pytest.mark.usefixtures("small_pieces")
def test_pieces_are_exact_for_many_values_from_one_program() -> None:
    angle = Parameter("t")
    circuit = mixed(8, 1)
    for qubit in range(8):
        circuit.rx(angle * qubit, qubit)
        circuit.crz(angle, qubit, (qubit + 3) % 8)
    rows = np.array([[0.3], [-1.2], [0.0]])

    states = StatevectorProgram.compile(circuit).states(rows)

    for row, state in zip(rows, states, strict=True):
        assert abs(state - Statevector(circuit.assign_parameters(row)).data).max() < EXACT


@pytest.mark.parametrize("size", [0.0, 1e-9, 1.0])
def test_a_long_chain_of_unitaries_stays_exact(size: float) -> None:
    rng = np.random.default_rng(5)
    circuit = smeared(6)
    for _ in range(400):
        pair = [int(q) for q in rng.permutation(6)[:2]]
        hermitian = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
        values, vectors = np.linalg.eigh(hermitian + hermitian.conj().T)
        matrix = vectors @ np.diag(np.exp(1j * size * values)) @ vectors.conj().T
        circuit.append(UnitaryGate(Operator(matrix)), pair)

    assert distance(circuit) < EXACT


def dense(*targets: int) -> Dense:
    return Dense(targets, (Matrix(targets, np.eye(2 ** len(targets), dtype=complex)),))


def flattened(items: list[Pass | Node]) -> list[Node]:
    return [n for item in items for n in (item.nodes if isinstance(item, Pass) else (item,))]


@pytest.mark.usefixtures("small_pieces")
def test_a_schedule_keeps_every_node_and_the_order_of_those_that_share_a_qubit() -> None:
    rng = np.random.default_rng(3)
    nodes: list[Node] = []
    for _ in range(200):
        a, b = sorted(int(q) for q in rng.permutation(12)[:2])
        kind = int(rng.integers(4))
        phase = Phase(Angle(0.1), 1 << a | 1 << b, 1 << a | 1 << b)
        nodes.append(
            [dense(a, b), dense(a), Flip(a, 1 << b, 1 << b), Diagonal((phase,) * kind)][kind]
        )

    found = flattened(schedule(nodes, 12))

    place = {id(node): k for k, node in enumerate(found)}
    assert sorted(place) == sorted(id(node) for node in nodes)
    for first, second in itertools.combinations(nodes, 2):
        if reach(first) & reach(second):
            assert place[id(first)] < place[id(second)]


@pytest.mark.usefixtures("small_pieces")
def test_a_pass_mixes_inner_qubits_only_and_a_piece_is_never_larger_than_allowed() -> None:
    rng = np.random.default_rng(4)
    nodes = [dense(*sorted(int(q) for q in rng.permutation(12)[:2])) for _ in range(60)]

    items = schedule(nodes, 12)

    assert len(items) < len(nodes) / 2
    for item in items:
        assert isinstance(item, Pass)
        assert len(item.inner) == 6
        assert all(set(node.targets) <= set(item.inner) for node in item.nodes)


def test_a_small_state_is_one_piece() -> None:
    (only,) = schedule([dense(0, 15), dense(7), dense(3, 9)], 16)

    assert isinstance(only, Pass)
    assert only.inner == tuple(range(16))
