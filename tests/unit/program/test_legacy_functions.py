# SPDX-License-Identifier: Apache-2.0
"""Functions and objects that are gone do what they did, or say why they cannot."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
import qiskit
from qiskit import QuantumCircuit

from qruntime.errors import (
    InvalidCircuitError,
    InvalidInputError,
    MissingDependencyError,
    UnsupportedOptionError,
)
from qruntime.program.legacy import functions
from qruntime.program.legacy.execute import execute


@pytest.fixture
def aer():
    return pytest.importorskip("qiskit_aer").AerSimulator(seed_simulator=3)


@pytest.fixture
def recorder(monkeypatch, aer):
    kept = SimpleNamespace(circuits=None, options=None)

    def record(circuits, **options):
        kept.circuits, kept.options = circuits, options

    monkeypatch.setattr(aer, "run", record, raising=False)
    kept.backend = aer
    return kept


def test_execute_gives_options_to_whom_they_belong(recorder):
    execute(QuantumCircuit(1), recorder.backend, optimization_level=0, shots=5, memory=None, x=1)

    assert recorder.options == {"shots": 5, "x": 1}


def test_execute_runs_one_circuit_as_one_and_many_as_many(recorder):
    execute(QuantumCircuit(1), recorder.backend)
    single = recorder.circuits
    execute([QuantumCircuit(1)], recorder.backend)

    assert isinstance(single, QuantumCircuit)
    assert isinstance(recorder.circuits, list)


def test_execute_runs_each_circuit_with_each_binding(recorder):
    a = qiskit.circuit.Parameter("a")
    circuits = [QuantumCircuit(1, name=name) for name in "xy"]
    for circuit in circuits:
        circuit.rx(a, 0)

    binds = [{a: 1.0}, {a: 2.0}]
    execute(circuits, recorder.backend, parameter_binds=binds, optimization_level=0)

    angles = [circuit.data[0].operation.params[0] for circuit in recorder.circuits]
    assert angles == [1.0, 2.0, 1.0, 2.0]
    assert [circuit.name[0] for circuit in recorder.circuits] == ["x", "x", "y", "y"]


@pytest.mark.parametrize("binds", [[{}], [{"b": 1}]])
def test_execute_refuses_bindings_that_do_not_fit(recorder, binds):
    circuit = QuantumCircuit(1)
    circuit.rx(qiskit.circuit.Parameter("a"), 0)

    with pytest.raises(InvalidCircuitError) as caught:
        execute(circuit, recorder.backend, parameter_binds=binds)

    assert caught.value.index == 0


@pytest.mark.parametrize("option", ["schedule_los", "inst_map", "qobj_header", "meas_map"])
def test_execute_refuses_what_is_gone(recorder, option):
    with pytest.raises(UnsupportedOptionError, match=option):
        execute(QuantumCircuit(1), recorder.backend, **{option: {"a": 1}})


def test_execute_takes_a_pass_manager(recorder):
    passes = SimpleNamespace(run=lambda circuits: [*circuits, "extra"])

    execute(QuantumCircuit(1), recorder.backend, pass_manager=passes)

    assert recorder.circuits[1] == "extra"


def test_assemble_gives_the_circuits_back():
    circuit = QuantumCircuit(1)

    assert functions.assemble(circuit, None) == [circuit]
    assert functions.assemble([circuit], shots=None) == [circuit]


def test_assemble_refuses_options_that_would_be_lost():
    with pytest.raises(UnsupportedOptionError, match="shots"):
        functions.assemble(QuantumCircuit(1), shots=5)


@pytest.mark.parametrize("function", [functions.schedule, functions.sequence])
def test_schedules_are_refused_when_they_are_made(function):
    with pytest.raises(MissingDependencyError, match="pulses left Qiskit"):
        function(QuantumCircuit(1), None)


def test_an_account_is_refused_when_it_is_used():
    with pytest.raises(MissingDependencyError, match="first argument of main"):
        functions.IBMQ.load_account()


@pytest.mark.parametrize("name", ["qasm_simulator", "statevector_simulator"])
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_old_simulators_are_found_by_name(name, aer):
    assert functions.AER.get_backend(name).name == name


def test_the_basic_simulators_run():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()

    job = functions.BASIC_AER.get_backend("qasm_simulator").run(circuit, shots=4)

    assert job.result().get_counts() == {"1": 4}


def test_an_unknown_basic_simulator_is_refused_with_the_known_ones():
    with pytest.raises(qiskit.providers.QiskitBackendNotFoundError, match="unitary_simulator"):
        functions.BASIC_AER.get_backend("x")


def test_the_least_busy_backend_is_chosen():
    def backend(pending, *, operational=True):
        status = SimpleNamespace(pending_jobs=pending, operational=operational)
        return SimpleNamespace(status=lambda: status)

    backends = [backend(3), backend(0, operational=False), backend(1)]

    assert functions.least_busy(backends) is backends[2]
    with pytest.raises(InvalidInputError):
        functions.least_busy(backends[1:2])


def test_the_monitor_returns_when_the_job_has_ended():
    looks = iter([False, False, True])
    job = SimpleNamespace(in_final_state=lambda: next(looks))

    functions.job_monitor(job, interval=0.001, quiet=True)

    assert next(looks, "looked three times") == "looked three times"


def test_the_monitor_prints_the_last_status():
    job = SimpleNamespace(in_final_state=lambda: True, status=lambda: SimpleNamespace(value="done"))
    output = io.StringIO()

    functions.job_monitor(job, output=output)

    assert output.getvalue() == "\rJob Status: done\n"


def test_the_seed_of_algorithms_is_shared_and_ends():
    algorithms = pytest.importorskip("qiskit_algorithms.utils").algorithm_globals
    ours = functions.ALGORITHM_GLOBALS

    ours.random_seed = 11
    first = ours.random.integers(1000)
    ours.random_seed = 11

    assert ours.random.integers(1000) == first
    assert algorithms.random_seed == ours.random_seed == 11
    assert algorithms.random.integers(1000) == first
