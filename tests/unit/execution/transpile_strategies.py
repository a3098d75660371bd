# SPDX-License-Identifier: Apache-2.0
"""Random circuits and targets for the transpiler's tests, and what it means that two are equal."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.library import (
    CXGate,
    CZGate,
    Measure,
    Reset,
    RZGate,
    RZZGate,
    SXGate,
    UGate,
    XGate,
)
from qiskit.quantum_info import Operator, Statevector
from qiskit.transpiler import InstructionProperties, Target

WIDTH = 5
LINE = [(0, 1), (1, 2), (2, 3), (3, 4)]
FORK = [(0, 1), (1, 2), (1, 3), (3, 4)]

GATES = {
    **dict.fromkeys(("h", "x", "s", "t", "sx"), (1, 0)),
    **dict.fromkeys(("rx", "ry", "rz", "p"), (1, 1)),
    "u": (1, 3),
    **dict.fromkeys(("cx", "cz", "swap", "iswap", "ecr"), (2, 0)),
    **dict.fromkeys(("rzz", "rxx", "crx", "cp", "rzx"), (2, 1)),
    "cu": (2, 4),
    "ccx": (3, 0),
}


def device(edges: list[tuple[int, int]], gate: Gate) -> Target:
    """A device of five qubits with an error for each gate: Qiskit breaks ties at random."""
    made = Target(num_qubits=WIDTH)
    generator = np.random.default_rng(len(edges))

    def properties() -> InstructionProperties:
        return InstructionProperties(error=generator.uniform(1e-4, 1e-2))

    made.add_instruction(gate, {edge: properties() for edge in edges})
    for single in (SXGate(), XGate(), Measure(), Reset()):
        made.add_instruction(single, {(qubit,): properties() for qubit in range(WIDTH)})
    made.add_instruction(RZGate(Parameter("t")), {(qubit,): None for qubit in range(WIDTH)})
    return made


def simulator() -> Target:
    """A simulator's target: every gate everywhere."""
    made = Target(num_qubits=WIDTH)
    for gate in (CXGate(), SXGate(), XGate(), Measure(), Reset(), RZGate(Parameter("t"))):
        made.add_instruction(gate)
    made.add_instruction(UGate(*map(Parameter, "tpl")))
    made.add_instruction(RZZGate(Parameter("t")))
    return made


TARGETS = {
    "line": device(LINE, CXGate()),
    "fork": device(FORK, CZGate()),
    "all-to-all": simulator(),
}

angles = st.one_of(
    st.floats(-7, 7, allow_nan=False),
    st.sampled_from([0.0, math.pi, -math.pi / 2, math.pi / 4, 0.7, -0.7, 1e-6]),
)


@st.composite
def shapes(draw: st.DrawFn, *, measured: bool = False) -> list[tuple[str, tuple[int, ...]]]:
    """What a circuit does, without its angles: names and qubits."""
    width = draw(st.integers(2, 4))
    names = [*GATES, "barrier", *(("measure", "reset") if measured else ())]
    shape = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=14)):
        size = GATES.get(name, (1, 0))[0]
        if size <= width:
            qubits = draw(st.permutations(range(width)))[:size]
            shape.append((name, tuple(qubits)))
    return [("width", (width,)), *shape]


def count_angles(shape: list[tuple[str, tuple[int, ...]]]) -> int:
    return sum(GATES.get(name, (0, 0))[1] for name, _ in shape)


def build(shape: list[tuple[str, tuple[int, ...]]], values: list[float]) -> QuantumCircuit:
    """A circuit of two quantum and two classical registers; each measurement has its own bit."""
    width = shape[0][1][0]
    measurements = sum(name == "measure" for name, _ in shape)
    made = QuantumCircuit(
        QuantumRegister(1, "a"),
        QuantumRegister(width - 1, "b"),
        ClassicalRegister(measurements // 2, "c"),
        ClassicalRegister(measurements - measurements // 2, "d"),
        global_phase=0.3,
    )
    following = iter(values)
    bits = iter(range(measurements))
    for name, qubits in shape[1:]:
        if name == "measure":
            made.measure(qubits[0], next(bits))
        elif name == "barrier":
            made.barrier()
        elif name == "reset":
            made.reset(qubits[0])
        else:
            taken = [next(following) for _ in range(GATES[name][1])]
            getattr(made, name)(*taken, *qubits)
    return made


def operator(circuit: QuantumCircuit, width: int) -> np.ndarray[Any, Any]:
    """The unitary of a circuit on its own qubits and idle ones up to ``width``, layout undone."""
    matrix = np.asarray(Operator.from_circuit(circuit))
    return np.kron(np.eye(2**width // len(matrix)), matrix)


def outcomes(circuit: QuantumCircuit) -> np.ndarray[Any, Any]:
    """The exact distribution over the classical bits: each measurement copies to a fresh qubit."""
    resets = circuit.count_ops().get("reset", 0)
    width = circuit.num_qubits
    pure = QuantumCircuit(width + circuit.num_clbits + resets)
    spare = width + circuit.num_clbits
    for item in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        if item.name == "measure":
            pure.cx(qubits[0], width + circuit.find_bit(item.clbits[0]).index)
        elif item.name == "reset":
            pure.swap(qubits[0], spare)
            spare += 1
        elif item.name != "barrier":
            pure.append(item.operation, qubits)
    bits = list(range(width, width + circuit.num_clbits))
    return Statevector(pure).probabilities(bits)


def places(circuit: QuantumCircuit) -> Any:
    """Where the qubits of a transpiled circuit begin and end."""
    layout = circuit.layout
    return layout and (layout.initial_index_layout(), layout.final_index_layout())


def pairs(circuit: QuantumCircuit) -> Counter[frozenset[int]]:
    """How many gates act on each pair of qubits."""
    return Counter(
        frozenset(circuit.find_bit(qubit).index for qubit in item.qubits)
        for item in circuit.data
        if len(item.qubits) == 2 and item.name != "barrier"
    )
