# SPDX-License-Identifier: Apache-2.0
"""Tests of the native tier against ``AerSimulator.run``: equal seeds, equal outcomes."""

from __future__ import annotations

import logging
import math
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Delay, Parameter, ParameterVector
from qiskit.circuit.library import get_standard_gate_name_mapping

qiskit_aer = pytest.importorskip("qiskit_aer")

from qiskit_aer import AerSimulator  # noqa: E402
from qiskit_aer.noise import (  # noqa: E402
    NoiseModel,
    ReadoutError,
    RelaxationNoisePass,
    depolarizing_error,
    pauli_error,
    thermal_relaxation_error,
)

from qruntime.errors import ExecutionError, InvalidInputError  # noqa: E402
from qruntime.execution import native, native_aer  # noqa: E402
from qruntime.execution.native import NativeProgram  # noqa: E402
from qruntime.execution.unsupported import NotSupportedError  # noqa: E402

ONE_THREAD = {"max_parallel_threads": 1}
SIMULATOR = AerSimulator()
TIMES = {"time_taken", "sample_measure_time", "fusion", "max_memory_mb"}


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, logger="qiskit_aer")


def of_aer(circuits, *, shots=100, seed=1, memory=False, **options):
    return SIMULATOR.run(
        circuits, shots=shots, seed_simulator=seed, memory=memory, **ONE_THREAD, **options
    ).result()


def bind(circuit, values):
    rows = np.atleast_2d(np.asarray(values, dtype=float))
    return [circuit.assign_parameters(row) for row in rows] if circuit.parameters else [circuit]


def content(result):
    """Everything of a result but times and the names that Qiskit counts up."""
    found = []
    for item in result.to_dict()["results"]:
        header = {k: v for k, v in (item.get("header") or {}).items() if k != "name"}
        metadata = {k: v for k, v in item["metadata"].items() if k not in TIMES}
        rest = {k: item[k] for k in ("shots", "seed_simulator", "success", "status", "data")}
        found.append((header, metadata, rest))
    return found, result.status, result.success


def program(circuits, *, noise_model=None, **options):
    return NativeProgram.compile(
        circuits, options={**ONE_THREAD, **options}, noise_model=noise_model
    )


def ansatz():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(3, 3)
    circuit.ry(a, 0)
    circuit.cx(0, 1)
    circuit.rz(2 * a + b / 3, 1)
    circuit.rx(b, 2)
    circuit.cx(1, 2)
    circuit.measure(range(3), range(3))
    return circuit


# --- circuits at random -------------------------------------------------------------------------

GATES = {
    name: gate
    for name, gate in get_standard_gate_name_mapping().items()
    if name
    in set(SIMULATOR.configuration().basis_gates) - {"reset", "measure", "delay", "global_phase"}
    and gate.num_qubits <= 3
    and gate.num_clbits == 0
}
CLIFFORD = ("x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap", "ecr", "id")
MPS = tuple(
    name
    for name in GATES
    if name in set(AerSimulator(method="matrix_product_state")._BASIS_GATES["matrix_product_state"])
)
DENSITY = tuple(name for name in GATES if name in set(SIMULATOR._BASIS_GATES["density_matrix"]))


@st.composite
def circuits(draw, names=tuple(GATES), free=True, dynamic=True, qubits=4):
    """Random circuits of several registers, in which everything may be measured at any time."""
    quantum = [QuantumRegister(2, "q"), QuantumRegister(draw(st.integers(1, qubits - 2)), "r")]
    classical = [ClassicalRegister(2, "c"), ClassicalRegister(draw(st.integers(1, 2)), "d")]
    circuit = QuantumCircuit(*quantum, *classical)
    width = circuit.num_qubits
    parameters = ParameterVector("t", 3)
    if free and draw(st.booleans()):
        circuit.global_phase = parameters[0] * 2 if draw(st.booleans()) else 0.3
    for _ in range(draw(st.integers(3, 12))):
        kind = draw(st.sampled_from(["gate"] * 8 + ["measure", "reset", "barrier", "if"]))
        place = draw(st.integers(0, width - 1))
        bit = draw(st.integers(0, circuit.num_clbits - 1))
        if kind == "gate":
            _append_gate(draw, circuit, names, parameters if free else None)
        elif kind == "measure" and dynamic:
            circuit.measure(place, bit)
        elif kind == "reset" and dynamic:
            circuit.reset(place)
        elif kind == "barrier":
            circuit.barrier()
        elif kind == "if" and dynamic:
            condition = (circuit.clbits[bit], 1) if draw(st.booleans()) else (classical[0], 2)
            with circuit.if_test(condition) as otherwise:
                circuit.x(place)
            with otherwise:
                circuit.h(place)
    for bit in range(min(width, circuit.num_clbits)):
        circuit.measure(draw(st.integers(0, width - 1)), bit)
    return circuit


def _append_gate(draw, circuit, names, parameters):
    gate = GATES[draw(st.sampled_from(names))].to_mutable()
    if gate.num_qubits > circuit.num_qubits:
        return
    values = [draw(st.sampled_from([0.0, math.pi / 2, 0.3, -1.7])) for _ in gate.params]
    if parameters is not None and values and draw(st.booleans()):
        chosen = draw(st.sampled_from(list(parameters)))
        other = draw(st.sampled_from(list(parameters)))
        values[0] = draw(st.sampled_from([chosen, 2 * chosen - 0.1, chosen * other + 1]))
    gate.params = values
    places = draw(st.permutations(range(circuit.num_qubits)))[: gate.num_qubits]
    circuit.append(gate, places)


def noise_models():
    everywhere = NoiseModel()
    everywhere.add_all_qubit_quantum_error(depolarizing_error(0.05, 1), ["h", "x", "sx", "rz", "u"])
    everywhere.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx", "cz", "ecr"])
    everywhere.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
    placed = NoiseModel()
    placed.add_quantum_error(pauli_error([("X", 0.5), ("I", 0.5)]), ["h", "x", "ry"], [2])
    placed.add_quantum_error(thermal_relaxation_error(50, 60, 20), ["sx", "h", "rx"], [0])
    placed.add_readout_error(ReadoutError([[0.6, 0.4], [0.1, 0.9]]), [2])
    return [everywhere, placed]


NUMBERS = st.integers(-4000, 4000).map(lambda number: number / 1000)
VALUES = st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=3)


def assert_same(circuit, values, *, shots=60, seed=1, noise_model=None, **options):
    rows = np.asarray(values)[:, : circuit.num_parameters]
    rows = rows if circuit.num_parameters else rows[:1, :0]
    noise = {} if noise_model is None else {"noise_model": noise_model}
    expected = of_aer(bind(circuit, rows), shots=shots, seed=seed, memory=True, **noise, **options)
    kept = program(circuit, noise_model=noise_model, **options)
    if not expected.results:  # Aer 0.18 cannot load every circuit that jumps
        with pytest.raises(ExecutionError, match="Failed to load circuits"):
            kept.run(rows, shots=shots, seed=seed)
        return
    first = kept.run(rows, shots=shots, seed=seed, memory=True).result()
    again = kept.run(rows, shots=shots, seed=seed, memory=True).result()
    assert content(first) == content(expected)
    assert content(again) == content(expected)
    if expected.success:
        assert first.get_counts() == expected.get_counts()
        assert [first.get_memory(i) for i in range(len(rows))] == [
            expected.get_memory(i) for i in range(len(rows))
        ]


@settings(max_examples=60)
@given(circuits(), VALUES, st.sampled_from(["automatic", "statevector"]), st.integers(0, 2**31))
def test_random_circuits_give_what_aer_gives(circuit, values, method, seed):
    assert_same(circuit, values, seed=seed, method=method)


@settings(max_examples=30)
@given(circuits(), VALUES, st.sampled_from(noise_models()), st.integers(0, 2**31))
def test_noisy_circuits_give_what_aer_gives(circuit, values, noise_model, seed):
    assert_same(circuit, values, shots=30, seed=seed, noise_model=noise_model)


@settings(max_examples=15)
@given(circuits(DENSITY), VALUES, st.sampled_from([None, *noise_models()]))
def test_density_matrices_give_what_aer_gives(circuit, values, noise_model):
    assert_same(circuit, values, shots=30, method="density_matrix", noise_model=noise_model)


@settings(max_examples=15)
@given(circuits(MPS), VALUES)
def test_matrix_product_states_give_what_aer_gives(circuit, values):
    assert_same(circuit, values, shots=30, method="matrix_product_state")


@settings(max_examples=20)
@given(circuits(CLIFFORD, free=False), st.sampled_from([None, noise_models()[0]]))
def test_stabilizers_give_what_aer_gives(circuit, noise_model):
    if noise_model is not None:
        noise_model = NoiseModel()
        noise_model.add_all_qubit_quantum_error(pauli_error([("X", 0.2), ("I", 0.8)]), ["h", "x"])
    assert_same(circuit, [[0.0] * 3], method="stabilizer", noise_model=noise_model)


# --- traps, one by one --------------------------------------------------------------------------


def test_noise_stays_on_its_qubits_at_the_second_execution():
    circuit = QuantumCircuit(5, 2)
    circuit.x([2, 3])
    circuit.h(3)
    circuit.measure([3, 2], [0, 1])
    noise_model = NoiseModel()
    noise_model.add_quantum_error(pauli_error([("X", 1.0)]), "x", [2])
    kept = program(circuit, noise_model=noise_model)
    expected = of_aer(circuit, noise_model=noise_model).get_counts()

    assert [kept.run(shots=100, seed=1).result().get_counts() for _ in range(3)] == [expected] * 3


@pytest.mark.parametrize("form", ["plain", "expression"])
def test_a_free_global_phase_reaches_its_own_row(form):
    phase = Parameter("phase")
    circuit = QuantumCircuit(1, global_phase=phase if form == "plain" else 3 * phase - 1)
    circuit.h(0)
    circuit.save_statevector()
    rows = [[0.4], [1.9], [-2.5]]
    run = program(circuit).run(rows, shots=1, seed=1).result()

    for index, bound in enumerate(bind(circuit, rows)):
        wanted = of_aer(bound, shots=1).get_statevector()
        assert np.array_equal(run.data(index)["statevector"].data, wanted.data)
        assert run.results[index].header["global_phase"] == pytest.approx(bound.global_phase)


@pytest.mark.parametrize("state", range(4))
def test_parameters_of_gates_with_open_controls_reach_the_gate(state):
    angle = Parameter("angle")
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    circuit.crx(angle, 0, 1, ctrl_state=state & 1)
    circuit.x(0)
    circuit.crz(2 * angle, 2, 0, ctrl_state=state >> 1)
    circuit.save_statevector()
    run = program(circuit).run([[0.7]], shots=1, seed=1).result()

    wanted = of_aer(bind(circuit, [[0.7]]), shots=1).get_statevector()
    assert np.array_equal(run.get_statevector().data, wanted.data)


def test_runs_without_a_seed_differ_and_can_be_repeated():
    kept = program(ansatz())
    runs = [kept.run([0.9, 1.4], shots=2000) for _ in range(3)]
    counts = [run.result().get_counts() for run in runs]

    assert counts[0] != counts[1] != counts[2] != counts[0]
    assert kept.run([0.9, 1.4], shots=2000, seed=runs[1].seed).result().get_counts() == counts[1]


def test_changes_to_the_circuit_after_compile_have_no_effect():
    circuit = ansatz()
    circuit.metadata = {"tags": ["kept"]}
    expected = of_aer(bind(circuit, [0.9, 1.4]), seed=3)
    kept = program(circuit)
    circuit.metadata["tags"].append("late")
    circuit.x(0)
    circuit.global_phase = 1.0
    result = kept.run([0.9, 1.4], shots=100, seed=3).result()

    assert result.get_counts() == expected.get_counts()
    assert result.results[0].header["metadata"] == {"tags": ["kept"]}


def test_threads_that_share_a_program_get_their_own_outcomes():
    kept = program(ansatz())
    rows = np.random.default_rng(5).uniform(-3, 3, (8, 2))
    expected = [of_aer(bind(ansatz(), row), seed=i).get_counts() for i, row in enumerate(rows)]
    found = [None] * len(rows)

    def work(index):
        found[index] = kept.run(rows[index], shots=100, seed=index).result().get_counts()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(rows))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == expected


def test_long_lists_run_in_parts_with_the_seeds_of_one_call(monkeypatch):
    monkeypatch.setattr(native, "MAX_EXPERIMENTS_PER_CALL", 3)
    phase = Parameter("phase")
    turned = QuantumCircuit(1, 1, global_phase=phase)
    turned.rx(phase, 0)
    turned.measure(0, 0)
    rows = np.random.default_rng(2).uniform(-3, 3, (7, 2))
    kept = program([ansatz(), turned, ansatz()])
    bound = bind(ansatz(), rows) + bind(turned, rows[:4, :1]) + bind(ansatz(), rows[:2])
    expected = of_aer(bound, seed=2**63 - 2000)
    result = kept.run([rows, rows[:4, :1], rows[:2]], shots=100, seed=2**63 - 2000).result()

    assert content(result) == content(expected)


def test_options_of_the_run_replace_those_of_the_last_run():
    kept = program(ansatz())
    kept.run([0.1, 0.2], shots=7, seed=9, memory=True)
    result = kept.run([0.9, 1.4], shots=100, seed=3).result()

    assert content(result) == content(of_aer(bind(ansatz(), [0.9, 1.4]), seed=3))


def test_saved_data_have_the_types_that_aer_gives():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.save_statevector(label="psi")
    circuit.save_density_matrix(label="rho")
    circuit.save_probabilities_dict(label="p")
    circuit.save_amplitudes([0, 3], label="a")
    circuit.save_expectation_value(qiskit_operator(), [0, 1], label="e")
    circuit.save_statevector(label="each", pershot=True)
    circuit.measure_all()
    found = program(circuit).run(shots=5, seed=1).result().data()
    expected = of_aer(circuit, shots=5).data()

    assert list(found) == list(expected)
    for key, value in expected.items():
        assert type(found[key]) is type(value)
        assert np.all(np.asarray(found[key]) == np.asarray(value))


def qiskit_operator():
    from qiskit.quantum_info import SparsePauliOp

    return SparsePauliOp(["ZZ", "XX"], [0.5, 2.0])


@pytest.mark.parametrize("width", [1, 2])
def test_failures_are_reported_as_aer_reports_them(width):
    good = QuantumCircuit(1, 1)
    good.measure(0, 0)
    bad = QuantumCircuit(2, 1)
    bad.t(0)
    bad.h(0)
    bad.measure(0, 0)
    for listed in ([bad] * width, [bad, good]):
        expected = of_aer(listed, method="stabilizer")
        found = program(listed, method="stabilizer").run(shots=100, seed=1)

        assert content(found.result()) == content(expected)
        assert not found.success


def test_control_flow_with_loops_switches_and_variables():
    angle = Parameter("angle")
    circuit = QuantumCircuit(2, 2)
    with circuit.for_loop(range(3)) as index:
        circuit.ry(index * 0.3, 0)
        circuit.rx(angle, 1)
    circuit.measure(0, 0)
    with circuit.switch(circuit.clbits[0]) as case:
        with case(0):
            circuit.x(1)
        with case(case.DEFAULT):
            circuit.h(1)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.h(0)
        circuit.measure(0, 0)
    circuit.measure([0, 1], [0, 1])
    assert_same(circuit, [[0.4], [1.2]])


def test_quantum_errors_written_in_the_circuit():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.append(depolarizing_error(0.3, 1), [0])
    circuit.append(depolarizing_error(0.3, 2), [0, 1])
    circuit.measure([0, 1], [0, 1])
    assert_same(circuit, [[0.0]])


def test_noise_of_delays():
    noise_model = NoiseModel()
    noise_model._custom_noise_passes.append(
        RelaxationNoisePass([1e-6] * 2, [1e-6] * 2, dt=1e-9, op_types=Delay)
    )
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.delay(300, 0)
    circuit.measure([0, 1], [0, 1])
    assert_same(circuit, [[0.0]], noise_model=noise_model)

    free = QuantumCircuit(1, 1)
    free.delay(Parameter("d"), 0)
    with pytest.raises(NotSupportedError, match="free duration"):
        program(free, noise_model=noise_model)


def test_noise_of_a_device_that_qiskit_makes_up():
    from qiskit.providers.fake_provider import GenericBackendV2

    device = GenericBackendV2(3, seed=4)
    noise_model = NoiseModel.from_backend(device)
    angle = Parameter("angle")
    circuit = QuantumCircuit(3, 2)
    circuit.sx(2)
    circuit.rz(angle, 2)
    circuit.sx(2)
    circuit.cx(2, 1)
    circuit.measure([2, 1], [0, 1])
    assert_same(circuit, [[0.4], [1.9]], shots=200, noise_model=noise_model)


def test_headers_given_for_experiments_replace_the_templates():
    kept = program(ansatz())
    given_headers = [{"name": "one", "metadata": {"k": 1}}, {"name": "two", "metadata": {}}]
    result = kept.run([[0.1, 0.2], [0.3, 0.4]], shots=5, seed=1, headers=given_headers).result()

    assert [item.header["name"] for item in result.results] == ["one", "two"]
    assert result.get_counts("two") == result.get_counts(1)
    with pytest.raises(InvalidInputError, match="1 items for 2"):
        kept.run([[0.1, 0.2], [0.3, 0.4]], shots=5, headers=given_headers[:1])


@pytest.mark.parametrize("values", [None, [0.1], [[0.1, 0.2, 0.3]], [[[0.1, 0.2]]]])
def test_values_that_do_not_fit_are_refused(values):
    with pytest.raises(InvalidInputError, match="2 parameters"):
        program(ansatz()).run(values, shots=5)


def test_no_rows_give_no_experiments():
    assert len(program(ansatz()).run(np.empty((0, 2)), shots=5)) == 0


# --- counts -------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.integers(0, 1),
    st.sets(st.integers(0, 511), min_size=1, max_size=6),
)
def test_counts_are_formatted_as_qiskit_formats_them(sizes, loose, outcomes):
    from qiskit.result import Counts

    from qruntime.execution.native_result import counts_from_hex

    registers = [[f"c{index}", size] for index, size in enumerate(sizes)]
    slots = sum(sizes) + loose
    raw = {hex(outcome % 2**slots): index for index, outcome in enumerate(outcomes)}
    expected = Counts(raw, creg_sizes=registers, memory_slots=slots)
    found = counts_from_hex(raw, registers, slots)

    assert found == expected
    assert list(found) == list(expected)
    for name in ("hex_raw", "int_raw", "creg_sizes", "memory_slots", "time_taken"):
        assert getattr(found, name) == getattr(expected, name)


# --- what it declines ---------------------------------------------------------------------------


@pytest.fixture
def unexamined():
    native_aer._examined.cache_clear()
    yield
    native_aer._examined.cache_clear()


@pytest.mark.parametrize(
    "options", [{"device": "GPU"}, {"executor": object()}, {"runtime_parameter_bind_enable": True}]
)
def test_options_that_change_how_aer_runs_are_declined(options):
    with pytest.raises(NotSupportedError, match=next(iter(options))):
        program(ansatz(), **options)


def test_circuits_that_aer_cannot_assemble_are_declined():
    from qiskit.circuit import Gate

    circuit = QuantumCircuit(1)
    circuit.append(Gate("strange", 1, []), [0])
    with pytest.raises(NotSupportedError, match="strange"):
        program(circuit)
    with pytest.raises(NotSupportedError, match="one or more"):
        program([])


def test_another_version_of_aer_is_declined(monkeypatch, unexamined):
    monkeypatch.setattr(qiskit_aer, "__version__", "0.99.0")

    with pytest.raises(NotSupportedError, match=r"0\.99\.0 was not examined"):
        program(ansatz())


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("aer_compiler", "assemble_circuits"),
        ("aer_compiler", "generate_aer_config"),
        ("backend_utils", "format_save_type"),
    ],
)
def test_missing_private_parts_of_aer_are_declined(monkeypatch, unexamined, module, name):
    import importlib

    monkeypatch.delattr(importlib.import_module(f"qiskit_aer.backends.{module}"), name)

    with pytest.raises(NotSupportedError, match=f"put together differently.*{name}"):
        program(ansatz())


def test_aer_that_reuses_circuits_differently_is_declined(monkeypatch, unexamined):
    monkeypatch.setattr(
        native_aer.NativeAer, "execute", lambda self, *_: {"results": [{"data": {"counts": {}}}]}
    )

    with pytest.raises(NotSupportedError, match="other counts"):
        program(ansatz())
