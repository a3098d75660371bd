# SPDX-License-Identifier: Apache-2.0
"""Circuits share a key only if one compiled program serves both."""

from __future__ import annotations

import numpy as np
import pytest
from circuits import circuits
from hypothesis import HealthCheck, given, settings
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Gate, Measure, Parameter
from qiskit.circuit.library import IGate, MCXGate, MCXVChain, UnitaryGate, XGate

from qruntime.execution.structure import structure_key

ANGLE = Parameter("t")


def base() -> QuantumCircuit:
    circuit = QuantumCircuit(3, 1)
    circuit.rx(ANGLE, 0)
    circuit.cx(0, 1)
    circuit.measure(0, 0)
    return circuit


@settings(deadline=None, derandomize=True, max_examples=60, suppress_health_check=list(HealthCheck))
@given(circuits())
def test_a_copy_has_the_same_key(circuit: QuantumCircuit) -> None:
    key = structure_key(circuit)

    assert hash(key) == hash(structure_key(circuit.copy("another name")))
    assert key == structure_key(circuit.copy("another name"))


def custom(angle: float) -> QuantumCircuit:
    inner = QuantumCircuit(1, name="mine")
    inner.rx(angle, 0)
    circuit = QuantumCircuit(1)
    circuit.append(inner.to_gate(), [0])
    return circuit


def one(gate: Gate) -> QuantumCircuit:
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits))
    return circuit


def placed(name: str, *wires: int) -> QuantumCircuit:
    circuit = QuantumCircuit(3, 3)
    getattr(circuit, name)(*wires)
    return circuit


def imitated(name: str) -> QuantumCircuit:
    """Return a circuit with an instruction that has nothing of Qiskit's but its name."""
    inner = QuantumCircuit(1, 1, name=name)
    inner.measure(0, 0)
    circuit = QuantumCircuit(3, 3)
    circuit.append(inner.to_instruction(), [0], [0])
    return circuit


def unused(parameter: Parameter) -> QuantumCircuit:
    """Return a circuit with a gate whose definition does not use its parameter."""
    gate = Gate("mine", 1, [parameter])
    gate.definition = QuantumCircuit(1)
    return one(gate)


def named(name: str) -> QuantumCircuit:
    gate = Gate(name, 1, [])
    gate.definition = QuantumCircuit(1)
    return one(gate)


def numbered(value: float) -> QuantumCircuit:
    """Return a circuit with a gate whose definition says nothing of its number."""
    gate = Gate("mine", 1, [value])
    gate.definition = QuantumCircuit(1)
    return one(gate)


def delayed(unit: str) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.delay(100, 0, unit)
    return circuit


def measured(label: str) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.append(Measure(label=label), [0], [0])
    return circuit


def chain(**options: bool) -> QuantumCircuit:
    with pytest.deprecated_call():
        return one(MCXVChain(4, **options))


def with_phase() -> QuantumCircuit:
    circuit = base()
    circuit.global_phase = 0.1
    return circuit


def with_register() -> QuantumCircuit:
    circuit = base()
    circuit.add_register(ClassicalRegister(1))
    return circuit


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (base(), with_phase()),
        (base(), with_register()),
        (base(), base().assign_parameters([1.0])),
        (base(), base().assign_parameters([Parameter("t")])),
        (custom(0.1), custom(0.2)),
        (placed("cx", 0, 1), placed("cx", 0, 2)),
        (placed("cx", 0, 1), placed("cz", 0, 1)),
        (placed("measure", 0, 0), placed("measure", 0, 1)),
        (placed("barrier", 0), placed("barrier", 0, 1)),
        (placed("barrier", 0), placed("reset", 0)),
        (placed("measure", 0, 0), imitated("measure")),
        (unused(Parameter("t")), unused(Parameter("t"))),
        (one(UnitaryGate(np.eye(2))), one(UnitaryGate(-np.eye(2)))),
        (one(XGate().control(1, ctrl_state=0)), one(XGate().control(1, ctrl_state=1))),
        (
            one(XGate().control(2, annotated=True)),
            one(XGate().control(2, ctrl_state=1, annotated=True)),
        ),
        (
            one(XGate().control(2, annotated=True)),
            one(XGate(label="other").control(2, annotated=True)),
        ),
        (one(XGate()), one(XGate(label="other"))),
        (one(IGate()), one(IGate(label="other"))),
        (one(UnitaryGate(np.eye(2))), one(UnitaryGate(np.eye(2), label="other"))),
        (measured("one"), measured("other")),
        (named("one"), named("other")),
        (numbered(0.1), numbered(0.2)),
        (delayed("ns"), delayed("us")),
        (chain(), chain(dirty_ancillas=True)),
        (chain(dirty_ancillas=True), chain(dirty_ancillas=True, action_only=True)),
        (one(MCXGate(5)), one(MCXGate(5, ctrl_state=3))),
    ],
    ids=[
        *("phase", "register", "value", "symbol", "definition", "wire", "gate", "clbit", "width"),
        *("class", "imitation", "unused symbol", "matrix", "control", "annotated"),
        *("label inside", "label", "label of identity", "label of unitary", "label of measure"),
        *("name", "number", "unit", "dirty", "action only", "state of many"),
    ],
)
def test_what_changes_the_result_changes_the_key(
    first: QuantumCircuit, second: QuantumCircuit
) -> None:
    assert structure_key(first) != structure_key(second)
