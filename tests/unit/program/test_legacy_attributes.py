# SPDX-License-Identifier: Apache-2.0
"""Methods and attributes that are gone do what they did, and no others change."""

from __future__ import annotations

import builtins
import math
from types import SimpleNamespace

import numpy as np
import pytest
import qiskit
from qiskit import QuantumCircuit
from qiskit.circuit import Bit
from qiskit.quantum_info import Operator

from qruntime.errors import InvalidCircuitError, InvalidInputError, MissingDependencyError
from qruntime.program.legacy import attributes
from qruntime.program.legacy.rewrite import HELPER, compile_program


@pytest.fixture
def aer():
    return pytest.importorskip("qiskit_aer").AerSimulator(seed_simulator=3)


def call(body, **scope):
    """Run statements as the code of a program runs."""
    names = {**vars(builtins), HELPER: attributes.attribute}
    exec(compile_program(body.encode(), "p.py", attributes.NAMES), {"__builtins__": names, **scope})


def evaluate(expression, **scope):
    found = []
    call(f"found.append({expression})", found=found, **scope)
    return found[0]


def circuit_of(statement, qubits=3, clbits=2):
    circuit = QuantumCircuit(qubits, clbits)
    call(statement, qc=circuit, np=np)
    return circuit


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("qc.cnot(0, 1)", "qc.cx(0, 1)"),
        ("qc.toffoli(0, 1, 2)", "qc.ccx(0, 1, 2)"),
        ("qc.fredkin(0, 1, 2)", "qc.cswap(0, 1, 2)"),
        ("qc.mct([0, 1], 2)", "qc.mcx([0, 1], 2)"),
        ("qc.i(1)", "qc.id(1)"),
        ("qc.u1(0.3, 1)", "qc.p(0.3, 1)"),
        ("qc.u1(theta=0.3, qubit=1)", "qc.p(0.3, 1)"),
        ("qc.u2(0.3, 0.4, [0, 1])", "qc.u(np.pi / 2, 0.3, 0.4, [0, 1])"),
        ("qc.u3(0.1, 0.2, 0.3, 2)", "qc.u(0.1, 0.2, 0.3, 2)"),
        ("qc.cu1(0.3, 0, 1)", "qc.cp(0.3, 0, 1)"),
        ("qc.cu3(0.1, 0.2, 0.3, 0, 1)", "qc.cu(0.1, 0.2, 0.3, 0, 0, 1)"),
        ("qc.mcu1(0.3, [0, 1], 2)", "qc.mcp(0.3, [0, 1], 2)"),
        ("qc.squ(np.array([[0, 1], [1, 0]]), 1)", "qc.x(1)"),
        ("qc.diagonal([1, -1], 1)", "qc.z(1)"),
        ("qc.diagonal([1, 1, 1, -1], [0, 1])", "qc.cz(0, 1)"),
        ("qc.hamiltonian(np.diag([0, 1]), -0.3, [1])", "qc.p(0.3, 1)"),
        ("qc.isometry(np.eye(2), [1], [])", "qc.id(1)"),
        ("qc.iso(np.eye(2), [1], [])", "qc.id(1)"),
        ("qc.ucrz([0.2, 0.4], [1], 0)", "qc.rz(0.3, 0); qc.rzz(-0.1, 0, 1)"),
        ("qc.ucry([0.2, 0.2], [1], 0)", "qc.ry(0.2, 0)"),
        ("qc.ucrx([0.2, 0.2], [1], 0)", "qc.rx(0.2, 0)"),
        ("qc.uc([np.eye(2), np.array([[0, 1], [1, 0]])], [1], 0)", "qc.cx(1, 0)"),
        ("type(qc).cnot(qc, 0, 1)", "qc.cx(0, 1)"),
    ],
)
def test_a_method_that_is_gone_does_what_it_did(old, new):
    assert Operator(circuit_of(old, clbits=0)).equiv(Operator(circuit_of(new, clbits=0)))


def test_old_gates_keep_their_names():
    circuit = circuit_of("qc.u1(1, 0)\nqc.u2(1, 2, 0)\nqc.u3(1, 2, 3, 0)\nqc.cu1(1, 0, 1)")

    assert list(circuit.count_ops()) == ["u1", "u2", "u3", "cu1"]


@pytest.mark.parametrize("values", ["{a: 0.5}", "[0.5]", "np.array([0.5])"])
def test_bind_parameters_gives_a_bound_copy(values):
    a = qiskit.circuit.Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.rx(a, 0)

    bound = evaluate(f"qc.bind_parameters({values})", qc=circuit, a=a, np=np)

    assert bound.data[0].operation.params == [0.5]
    assert circuit.parameters == {a}


def test_bind_parameters_takes_no_expressions():
    a = qiskit.circuit.Parameter("a")
    circuit = QuantumCircuit(1)
    circuit.rx(a, 0)

    with pytest.raises(TypeError, match="assign_parameters"):
        evaluate("qc.bind_parameters({a: 2 * a})", qc=circuit, a=a)


def test_qasm_gives_prints_and_writes_text(tmp_path, capsys):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    path = tmp_path / "c.qasm"

    text = evaluate("qc.qasm(filename=path)", qc=circuit, path=str(path))
    shown = evaluate("qc.qasm(formatted=True)", qc=circuit)

    assert text.startswith("OPENQASM 2.0;")
    assert path.read_text() == text
    assert shown is None
    assert capsys.readouterr().out == f"{text}\n"


def test_a_method_that_a_class_of_the_program_defines_wins():
    class Mine(QuantumCircuit):
        def cnot(self, control, target):
            return "mine", control, target

    assert evaluate("m(2).cnot(0, 1)", m=Mine) == ("mine", 0, 1)


def test_super_reaches_a_method_that_is_gone():
    scope = {}
    call(
        "class Mine(Q):\n    def cnot(self, c, t):\n        return super().cnot(c, t)\n"
        "m = Mine(2)\nm.cnot(0, 1)\nscope['m'] = m",
        Q=QuantumCircuit,
        scope=scope,
    )

    assert scope["m"].count_ops() == {"cx": 1}


@pytest.mark.parametrize("expression", ["qc.nothing", "(3).index", "None.optimize", "qc.optimize"])
def test_an_attribute_that_never_was_stays_an_attribute_error(expression):
    with pytest.raises(AttributeError):
        evaluate(expression, qc=QuantumCircuit(1))


def test_attributes_of_others_are_untouched():
    thing = SimpleNamespace(i=1, qasm=2, optimize=3, float=4)

    assert evaluate("[t.i, t.qasm, t.optimize, t.float, 'ab'.index('b')]", t=thing) == [
        1,
        2,
        3,
        4,
        1,
    ]


def test_bits_know_their_place():
    circuit = QuantumCircuit(3)

    assert evaluate("(q.index, q.register.name)", q=circuit.qubits[2]) == (2, "q")
    assert isinstance(circuit.qubits[2], Bit)


def test_instructions_have_no_condition():
    assert evaluate("g.condition", g=qiskit.circuit.library.XGate()) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("int", int), ("float", float), ("complex", complex), ("object", object), ("str", str)],
)
def test_numpy_names_of_python_types_are_those_types(name, value):
    assert evaluate(f"np.{name}", np=np) is value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("np.product([2, 3])", 6),
        ("np.Inf", math.inf),
        ("np.NINF", -math.inf),
        ("np.float_", np.float64),
        ("np.complex_", np.complex128),
        ("np.alltrue([1, 0])", False),
        ("np.trapz([1, 1])", 1),
        ("np.asscalar(np.array([3]))", 3),
        ("np.asfarray([1]).dtype", np.dtype(float)),
        ("np.math.pi", math.pi),
        ("np.bool", np.bool),
    ],
)
def test_numpy_names_that_are_gone_work(expression, value):
    assert evaluate(expression, np=np) == value


def test_a_condition_on_a_bit_is_met_or_not(aer):
    circuit = circuit_of(
        "qc.x(0)\nqc.measure(0, 0)\nqc.x(1).c_if(0, 1)\nqc.x(2).c_if(qc.clbits[0], 0)\n"
        "qc.measure([1, 2], [1, 2])",
        clbits=3,
    )

    assert aer.run(circuit, shots=20).result().get_counts() == {"011": 20}


def test_a_condition_keeps_parameters(aer):
    a = qiskit.circuit.Parameter("a")
    circuit = QuantumCircuit(1, 2)
    call("qc.rx(a, 0).c_if(0, 0)\nqc.measure(0, 1)", qc=circuit, a=a)

    bound = circuit.assign_parameters({a: math.pi})

    assert circuit.parameters == {a}
    assert aer.run(bound, shots=20).result().get_counts() == {"10": 20}


def test_a_condition_on_many_instructions_meets_each():
    circuit = circuit_of("qc.x([0, 1]).c_if(0, 1)")

    assert circuit.count_ops() == {"if_else": 2}


@pytest.mark.parametrize(
    "statement",
    ["qc.x(0).c_if(0, -1)", "qc.x(0).c_if(0, 1).c_if(1, 1)", "gates.XGate().c_if(qc.cregs[0], 1)"],
)
def test_a_condition_that_cannot_be_given_is_refused(statement):
    with pytest.raises(InvalidCircuitError):
        call(statement, qc=QuantumCircuit(1, 2), gates=qiskit.circuit.library)


@pytest.mark.parametrize("statement", ["qc.add_calibration('x', [0], None)", "qc.snapshot('a')"])
def test_pulses_and_snapshots_are_refused(statement):
    with pytest.raises(MissingDependencyError, match=r"RuntimeOptions\.image"):
        call(statement, qc=QuantumCircuit(1))


def test_old_optimizers_need_a_starting_point():
    optimizers = pytest.importorskip("qiskit_algorithms.optimizers")

    with pytest.raises(InvalidInputError, match="initial_point"):
        evaluate("o.optimize(2, sum)", o=optimizers.COBYLA())
