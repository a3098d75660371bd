# SPDX-License-Identifier: Apache-2.0
"""When the transpilation cache hits, when it must not, and what it never shares."""

from __future__ import annotations

import copy
import inspect
import threading

import numpy as np
import pytest
import qiskit
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AncillaRegister,
    Gate,
    Instruction,
    Parameter,
    ParameterVector,
    QuantumRegister,
)
from qiskit.circuit.library import (
    CXGate,
    MCXGate,
    MCXVChain,
    Measure,
    RYGate,
    RZGate,
    SXGate,
    TdgGate,
    TGate,
    UnitaryGate,
    XGate,
)
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator
from qiskit.transpiler import CouplingMap, InstructionProperties, Layout, StagedPassManager, Target

from qruntime.execution.transpilation import TranspileCache

BASIS = ["rz", "sx", "x", "cx"]
LINE = [[0, 1], [1, 0], [1, 2], [2, 1], [2, 3], [3, 2]]


def ansatz(values) -> QuantumCircuit:
    following = iter(map(float, values))
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.ry(next(following), qubit)
    circuit.cx(0, 1)
    circuit.cx(0, 2)
    for qubit in range(3):
        circuit.rx(next(following), qubit)
    circuit.measure_all()
    return circuit


def some(number: int) -> np.ndarray:
    return np.random.default_rng(number).uniform(0.2, 0.7, 6)


def small_target() -> Target:
    made = Target(num_qubits=3)
    made.add_instruction(
        CXGate(), {pair: InstructionProperties(error=0.01) for pair in [(0, 1), (1, 2)]}
    )
    for gate in (SXGate(), XGate(), Measure()):
        made.add_instruction(
            gate, {(qubit,): InstructionProperties(error=0.001) for qubit in range(3)}
        )
    made.add_instruction(RZGate(ParameterVector("t", 1)[0]), {(qubit,): None for qubit in range(3)})
    return made


def hits_after(cache: TranspileCache, *calls) -> int:
    before = cache.statistics.hits
    for circuit, options in calls:
        cache.transpile(circuit, **options)
    return cache.statistics.hits - before


def test_new_angles_are_bound_into_a_template_from_the_third_circuit_on():
    cache = TranspileCache()
    for number in range(5):
        cache.transpile(ansatz(some(number)), basis_gates=BASIS)

    assert (cache.statistics.misses, cache.statistics.bound) == (2, 3)


def test_special_angles_are_not_bound_into_a_template():
    cache = TranspileCache()
    for number in range(3):
        cache.transpile(ansatz(some(number)), basis_gates=BASIS, optimization_level=2)
    served = cache.transpile(ansatz([0.0] * 6), basis_gates=BASIS, optimization_level=2)

    assert served.count_ops().get("rz", 0) == 0
    assert cache.statistics.bound == 1


@pytest.mark.parametrize(("options", "bound"), [({}, 2), ({"coupling_map": LINE}, 1)])
def test_an_angle_near_a_special_one_is_bound_where_nothing_is_routed(options, bound):
    cache = TranspileCache()
    options = {"basis_gates": BASIS, "seed_transpiler": 1, **options}
    for number in range(3):
        cache.transpile(ansatz(some(number)), **options)
    near = some(3)
    near[0] = np.pi / 2 + 1e-6
    cache.transpile(ansatz(near), **options)

    assert cache.statistics.bound == bound


def _mixed(angles) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2, global_phase=0.3)
    circuit.ry(angles[0], 0)
    circuit.ry(angles[1], 1)
    circuit.cx(0, 1)
    circuit.measure([1, 0], [0, 1])
    return circuit


def test_a_circuit_that_qiskit_leaves_as_it_is_is_served_as_its_own_copy():
    cache = TranspileCache()
    options = {"basis_gates": ["ry", "cx"], "optimization_level": 1}
    for number in range(2):
        cache.transpile(_mixed(some(number)), **options)
    asked = _mixed(some(2))
    served, again = cache.transpile(asked, **options), cache.transpile(asked, **options)
    asked.x(0)
    again.x(1)

    assert cache.statistics.bound == 2
    assert served == qiskit.transpile(_mixed(some(2)), **options) == _mixed(some(2))
    assert served.layout == qiskit.transpile(_mixed(some(2)), **options).layout


def test_a_template_is_not_kept_where_it_would_have_more_gates_on_two_qubits():
    def circuit(angle):
        made = QuantumCircuit(2)
        for place in range(4):
            made.cx(0, 1)
            made.rx(angle + place, 0)
            made.ry(angle - place, 1)
        return made

    cache = TranspileCache()
    options = {"basis_gates": BASIS, "optimization_level": 3}
    for angle in (0.21, 0.35, 0.47):
        served = cache.transpile(circuit(angle), **options)

        alone = qiskit.transpile(circuit(angle), **options)
        assert served.count_ops()["cx"] <= alone.count_ops()["cx"]


def test_opposite_angles_cancel_in_a_template_as_they_do_in_qiskit():
    def circuit(angle):
        made = QuantumCircuit(2)
        made.rzz(angle, 0, 1)
        made.rzz(-angle, 0, 1)
        made.rx(angle, 0)
        return made

    cache = TranspileCache()
    made = [cache.transpile(circuit(x), basis_gates=BASIS) for x in (0.2, 0.3, 0.4)]

    assert "cx" not in made[2].count_ops()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"optimization_level": 1}, {"optimization_level": 2}),
        ({"seed_transpiler": 1}, {"seed_transpiler": 2}),
        ({"basis_gates": BASIS}, {"basis_gates": [*BASIS, "ry"]}),
        ({"coupling_map": LINE}, {"coupling_map": LINE[:-2]}),
        ({"coupling_map": CouplingMap(LINE)}, {"coupling_map": CouplingMap(LINE[:-2])}),
        ({"initial_layout": [0, 1, 2]}, {"initial_layout": [2, 1, 0]}),
        ({"layout_method": "dense"}, {"layout_method": "trivial"}),
        ({"routing_method": "sabre"}, {"routing_method": "basic"}),
        ({"approximation_degree": 1.0}, {"approximation_degree": 0.9}),
        ({"approximation_degree": 1.0}, {"approximation_degree": None}),
        ({"qubits_initially_zero": True}, {"qubits_initially_zero": False}),
    ],
    ids=lambda options: "-".join(options) if isinstance(options, dict) else None,
)
def test_another_option_never_hits(first, second):
    cache = TranspileCache()
    base = {"basis_gates": BASIS, "coupling_map": LINE, "seed_transpiler": 0}
    first, second = base | first, base | second
    circuit = ansatz(some(0))

    assert hits_after(cache, (circuit, first), (circuit, second)) == 0
    assert hits_after(cache, (circuit, first), (circuit, second)) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda target: target.add_instruction(TGate(), {(0,): None}),
        lambda target: target.update_instruction_properties(
            "cx", (0, 1), InstructionProperties(error=0.5)
        ),
        lambda target: setattr(target, "dt", 1e-9),
        lambda target: setattr(target, "granularity", 8),
        lambda target: target["cx"].pop((0, 1)),
    ],
    ids=["added gate", "changed error", "changed dt", "changed granularity", "removed pair"],
)
def test_a_changed_target_never_hits(change):
    cache = TranspileCache()
    target = small_target()
    call = (ansatz(some(0)), {"target": target, "seed_transpiler": 1})

    assert hits_after(cache, call, call) == 1
    change(target)
    assert hits_after(cache, call) == 0


def test_properties_changed_in_place_and_written_back_never_hit():
    cache = TranspileCache()
    target = small_target()
    call = (ansatz(some(0)), {"target": target, "seed_transpiler": 1})
    cache.transpile(call[0], **call[1])
    properties = target["cx"][(0, 1)]
    properties.error = 0.4
    target.update_instruction_properties("cx", (0, 1), properties)

    assert hits_after(cache, call) == 0


def test_a_target_of_equal_content_hits():
    cache = TranspileCache()
    first, second = (
        (ansatz(some(0)), {"target": small_target(), "seed_transpiler": 1}) for _ in range(2)
    )

    assert hits_after(cache, first, second) == 1


def test_a_target_with_another_error_never_hits():
    cache = TranspileCache()
    other = small_target()
    other.update_instruction_properties("cx", (0, 1), InstructionProperties(error=0.5))
    first, second = (
        (ansatz(some(0)), {"target": target, "seed_transpiler": 1})
        for target in (small_target(), other)
    )

    assert hits_after(cache, first, second) == 0


def test_what_a_target_becomes_later_does_not_reach_its_equals():
    cache = TranspileCache()
    used, equal = small_target(), small_target()
    cache.transpile(ansatz(some(0)), target=used, seed_transpiler=1)
    used.add_instruction(RYGate(Parameter("t")), {(qubit,): None for qubit in range(3)})
    cache.clear()

    made = cache.transpile(ansatz(some(0)), target=equal, seed_transpiler=1)

    assert made == qiskit.transpile(ansatz(some(0)), target=small_target(), seed_transpiler=1)


@pytest.mark.parametrize("method", ["get_translation_stage_plugin", "get_scheduling_stage_plugin"])
def test_a_backend_with_plugins_of_its_own_is_left_to_qiskit(method):
    backend = GenericBackendV2(3, seed=1)
    setattr(backend, method, lambda: "synthesis" if "translation" in method else "alap")
    cache = TranspileCache()
    cache.transpile(ansatz(some(0)), backend)

    assert cache.statistics.refused == 1


def test_another_version_of_qiskit_never_hits(monkeypatch):
    cache = TranspileCache()
    call = (ansatz(some(0)), {"basis_gates": BASIS})
    cache.transpile(call[0], **call[1])
    monkeypatch.setattr(qiskit, "__version__", "99.0")

    assert hits_after(cache, call) == 0


def test_the_seed_in_the_environment_is_part_of_the_key(monkeypatch):
    cache = TranspileCache()
    call = (ansatz(some(0)), {"basis_gates": BASIS, "coupling_map": LINE})
    monkeypatch.setenv("QISKIT_TRANSPILER_SEED", "1")
    cache.transpile(call[0], **call[1])
    monkeypatch.setenv("QISKIT_TRANSPILER_SEED", "2")

    assert hits_after(cache, call) == 0


def _custom(angle: float) -> QuantumCircuit:
    gate = Gate("mine", 1, [])
    gate.definition = QuantumCircuit(1)
    gate.definition.rx(angle, 0)
    circuit = QuantumCircuit(1)
    circuit.append(gate, [0])
    return circuit


def _unitary(angle: float) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.unitary(np.diag([1, np.exp(1j * angle)]), [0])
    return circuit


def _controlled(state: int) -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.append(RZGate(0.3).control(2, ctrl_state=state, annotated=False), [0, 1, 2])
    return circuit


def _body(angle: float) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((0, 1)):
        circuit.rx(angle, 0)
    return circuit


def _phase(phase: float) -> QuantumCircuit:
    circuit = QuantumCircuit(1, global_phase=phase)
    circuit.h(0)
    return circuit


def _register(kind) -> QuantumCircuit:
    circuit = QuantumCircuit(kind(1, "q"))
    circuit.h(0)
    return circuit


def _labelled(label: str) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.append(SXGate(label=label), [0])
    return circuit


def _measured(clbit: int) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 2)
    circuit.measure(0, clbit)
    return circuit


def _imitated(gate: Instruction) -> QuantumCircuit:
    inner = QuantumCircuit(1, 1, name="measure")
    inner.x(0)
    inner.measure(0, 0)
    circuit = QuantumCircuit(1, 2)
    circuit.append(inner.to_instruction() if gate is None else gate, [0], [0])
    return circuit


def _barred(width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.barrier(range(width))
    return circuit


def _delay(unit: str) -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.delay(100, 0, unit=unit)
    return circuit


@pytest.mark.parametrize(
    ("make", "one", "other"),
    [
        (_custom, 0.1, 0.2),
        (_unitary, 0.1, 0.2),
        (_controlled, 0, 3),
        (_body, 0.1, 0.2),
        (_phase, 0.1, 0.2),
        (_register, QuantumRegister, AncillaRegister),
        (_delay, "ns", "us"),
        (_labelled, "one", "other"),
        (_measured, 0, 1),
        (_imitated, None, Measure()),
        (_barred, 1, 2),
    ],
)
def test_what_a_circuit_holds_inside_is_part_of_the_key(make, one, other):
    cache = TranspileCache()
    options = {"basis_gates": [*BASIS, "if_else", "delay"]}

    assert hits_after(cache, (make(one), options), (make(other), options)) == 0
    assert hits_after(cache, (make(one), options), (make(other), options)) == 2
    assert cache.statistics.refused == 0


def test_symbols_of_equal_names_are_told_apart():
    cache = TranspileCache()
    circuits = []
    for _ in range(2):
        circuits.append(QuantumCircuit(1))
        circuits[-1].rx(ParameterVector("x", 1)[0], 0)
    served = [cache.transpile(circuit, basis_gates=BASIS) for circuit in circuits]

    assert served[1].parameters == circuits[1].parameters
    assert cache.statistics.hits == 0


def test_names_and_metadata_are_those_of_the_circuit_asked_for():
    cache = TranspileCache()
    for name in ("one", "two", "three"):
        circuit = ansatz(some(len(name)))
        circuit.name, circuit.metadata = name, {"about": [name]}
        served = cache.transpile(circuit, basis_gates=BASIS)

        assert (served.name, served.metadata) == (name, {"about": [name]})
        served.metadata["more"] = True
        assert circuit.metadata == {"about": [name]}


def test_output_names_are_given():
    cache = TranspileCache()
    circuits = [ansatz(some(0)), ansatz(some(1))]

    assert cache.transpile(circuits[0], basis_gates=BASIS, output_name="x").name == "x"
    named = cache.transpile(circuits, basis_gates=BASIS, output_name=["y", "z"])
    assert [circuit.name for circuit in named] == ["y", "z"]


def test_changing_what_was_served_changes_nothing_in_the_cache():
    cache = TranspileCache()
    options = {"coupling_map": LINE, "basis_gates": BASIS, "seed_transpiler": 1}
    first = cache.transpile(ansatz(some(0)), **options)
    expected, places = first.copy(), first.layout.final_index_layout()
    for _ in range(2):
        served = cache.transpile(ansatz(some(0)), **options)

        assert served == expected
        assert served.layout.final_index_layout() == places
        served.x(0)
        served.layout.initial_layout.swap(0, 1)
        served.layout.input_qubit_mapping.clear()
        served.global_phase = 1


def test_changing_a_matrix_that_was_served_changes_nothing_in_the_cache():
    cache = TranspileCache()
    target = Target(num_qubits=1)
    target.add_instruction(UnitaryGate, name="unitary")
    options = {"target": target, "optimization_level": 0}
    for _ in range(3):
        circuit = _unitary(0.4)
        served = cache.transpile(circuit, **options)

        np.testing.assert_allclose(Operator(served).data, np.diag([1, np.exp(0.4j)]))
        served.data[0].operation.params[0][:] = 0
        circuit.data[0].operation.params[0][:] = 0


def test_changing_a_custom_gate_after_the_call_is_seen():
    cache = TranspileCache()
    circuit = _custom(0.3)
    cache.transpile(circuit, basis_gates=BASIS)
    changed = circuit.copy()
    changed.data[0].operation.definition.rx(0.5, 0)
    served = cache.transpile(changed, basis_gates=BASIS)

    np.testing.assert_allclose(Operator(served).data, Operator(changed).data, atol=1e-9)


@pytest.mark.parametrize(
    ("circuit", "options"),
    [
        (QuantumCircuit(9), {"coupling_map": LINE}),
        (QuantumCircuit(9), {"backend": GenericBackendV2(3, seed=1)}),
        (QuantumCircuit(1), {"optimization_level": 7}),
        (QuantumCircuit(1), {"no_such_option": 1}),
        (QuantumCircuit(1), {"layout_method": "nowhere", "coupling_map": LINE}),
        (QuantumCircuit(1), {"output_name": ["a", "b"]}),
        (QuantumCircuit(1), {"coupling_map": [LINE]}),
        (QuantumCircuit(2), {"initial_layout": [0, 0], "coupling_map": LINE}),
        ("no circuit", {}),
        (QuantumCircuit(1), {"backend": small_target(), "target": small_target()}),
    ],
)
def test_errors_are_those_of_qiskit(circuit, options):
    cache = TranspileCache()
    with pytest.raises(Exception) as expected:  # noqa: PT011  whatever Qiskit raises
        qiskit.transpile(circuit, **options)
    for _ in range(2):
        with pytest.raises(type(expected.value)) as raised:
            cache.transpile(circuit, **options)

        assert str(raised.value) == str(expected.value)


def test_an_empty_list_gives_an_empty_list():
    assert TranspileCache().transpile([], basis_gates=BASIS) == []


def test_a_list_is_served_in_its_order():
    cache = TranspileCache()
    circuits = [ansatz(some(number)) for number in range(4)] + [_phase(0.1), _unitary(0.2)]
    served = cache.transpile(circuits, basis_gates=BASIS)

    for circuit, made in zip(circuits, served, strict=True):
        np.testing.assert_allclose(
            Operator(made.remove_final_measurements(inplace=False)).data,
            Operator(circuit.remove_final_measurements(inplace=False)).data,
            atol=1e-7,
        )


def test_equal_circuits_in_one_list_are_drawn_each_on_its_own():
    cache = TranspileCache()
    circuit = ansatz(some(0))
    options = {"coupling_map": LINE, "basis_gates": BASIS}
    for _ in range(2):
        cache.transpile([circuit] * 4, **options)

    assert cache.statistics.hits == 1


def test_a_callback_is_called_by_qiskit():
    seen = []
    cache = TranspileCache()
    for _ in range(2):
        cache.transpile(_phase(0.1), basis_gates=BASIS, callback=lambda **told: seen.append(told))

    assert len({id(told["dag"]) for told in seen}) > 1
    assert cache.statistics.refused == 2


def test_a_cache_that_is_switched_off_asks_qiskit():
    cache = TranspileCache(enabled=False)
    for _ in range(2):
        cache.transpile(_phase(0.1), basis_gates=BASIS)

    assert (cache.statistics.hits, cache.statistics.entries) == (0, 0)


def test_a_cleared_cache_holds_nothing():
    cache = TranspileCache()
    call = (_phase(0.1), {"basis_gates": BASIS})
    cache.transpile(call[0], **call[1])
    cache.clear()

    assert (cache.statistics.entries, cache.statistics.bytes) == (0, 0)
    assert hits_after(cache, call) == 0


def test_the_bytes_stay_below_the_limit():
    cache = TranspileCache(limit_bytes=100_000)
    for number in range(60):
        cache.transpile(ansatz(some(number)), basis_gates=BASIS, seed_transpiler=number % 7)

        assert cache.statistics.bytes <= 100_000
    assert cache.statistics.evictions > 0


def test_threads_get_what_they_asked_for():
    cache = TranspileCache()
    options = {"coupling_map": LINE, "basis_gates": BASIS, "seed_transpiler": 3}
    wrong = []

    def work(start: int) -> None:
        for number in range(start, start + 8):
            circuit = ansatz(some(number % 10))
            circuit.remove_final_measurements()
            made = Operator.from_circuit(cache.transpile(circuit, **options)).data[:8, :8]
            if not np.allclose(made, Operator(circuit).data, atol=1e-7):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_target_without_rotations_is_left_to_qiskit():
    target = Target(num_qubits=1)
    for gate in (TGate(), TdgGate(), SXGate()):
        target.add_instruction(gate)
    basis = ["h", "t", "tdg", "s", "sdg"]
    cache = TranspileCache()
    for angle in (0.2, 0.3, 0.4):
        circuit = QuantumCircuit(1)
        circuit.rz(angle, 0)
        served = cache.transpile(circuit, basis_gates=basis)

        assert served.count_ops() == qiskit.transpile(circuit, basis_gates=basis).count_ops()


def test_a_pass_manager_is_served_too():
    cache = TranspileCache()
    backend = GenericBackendV2(4, seed=1)
    manager = cache.generate_preset_pass_manager(1, backend, seed_transpiler=2)
    made = [manager.run(ansatz(some(number))) for number in range(4)]
    alone = qiskit.generate_preset_pass_manager(1, backend, seed_transpiler=2)

    assert isinstance(manager, StagedPassManager)
    assert cache.statistics.bound == 2
    expected = alone.run(ansatz(some(3)))
    assert made[3].layout.final_index_layout() == expected.layout.final_index_layout()
    layout = manager.property_set["layout"]
    assert layout == made[3].layout.initial_layout == alone.property_set["layout"]


def test_a_changed_pass_manager_runs_its_own_passes():
    class Mark(qiskit.transpiler.basepasses.TransformationPass):
        def run(self, dag):
            dag.metadata = {"marked": True}
            return dag

    cache = TranspileCache()
    manager = cache.generate_preset_pass_manager(1, basis_gates=BASIS)
    other = cache.generate_preset_pass_manager(1, basis_gates=BASIS)
    manager.run(_phase(0.1))
    manager.optimization.append(Mark())

    assert manager.run(_phase(0.1)).metadata == {"marked": True}
    assert other.run(_phase(0.1)).metadata == {}


def test_a_copied_pass_manager_still_runs():
    manager = TranspileCache().generate_preset_pass_manager(1, basis_gates=BASIS)

    assert copy.deepcopy(manager).run(_phase(0.1)) == manager.run(_phase(0.1))


@pytest.mark.parametrize("name", ["transpile", "generate_preset_pass_manager"])
def test_the_signatures_are_those_of_qiskit(name):
    cache = TranspileCache()

    assert inspect.signature(getattr(cache, name)) == inspect.signature(getattr(qiskit, name))


def test_positional_arguments_mean_what_they_mean_in_qiskit():
    cache = TranspileCache()
    circuit = ansatz(some(0))
    served = cache.transpile(circuit, None, BASIS, LINE, [2, 1, 0])

    assert served.layout.initial_index_layout(filter_ancillas=True) == [2, 1, 0]
    backend = GenericBackendV2(3, seed=1)
    assert cache.generate_preset_pass_manager(backend.target).run(circuit).num_qubits == 3
    assert cache.generate_preset_pass_manager(backend).run(circuit).num_qubits == 3


def test_a_layout_object_is_read_by_its_content():
    cache = TranspileCache()
    circuit = ansatz(some(0))
    layout = Layout({qubit: place for place, qubit in enumerate(circuit.qubits)})
    options = {"coupling_map": LINE, "basis_gates": BASIS, "initial_layout": layout}
    cache.transpile(circuit, **options)
    layout.swap(0, 2)
    served = cache.transpile(circuit, **options)

    assert served.layout.initial_index_layout(filter_ancillas=True) == [2, 1, 0]


def _edge_added(coupling: CouplingMap) -> None:
    coupling.add_edge(0, 2)
    coupling.add_edge(2, 0)


@pytest.mark.parametrize(
    ("name", "make", "change"),
    [
        (
            "initial_layout",
            lambda circuit: Layout({bit: k for k, bit in enumerate(circuit.qubits)}),
            lambda layout: layout.swap(0, 2),
        ),
        (
            "initial_layout",
            lambda circuit: {bit: k for k, bit in enumerate(circuit.qubits)},
            lambda layout: layout.update(zip(list(layout), (2, 1, 0), strict=True)),
        ),
        ("initial_layout", lambda _: [0, 1, 2], list.reverse),
        ("coupling_map", lambda _: [list(edge) for edge in LINE], lambda edges: edges.clear()),
        ("coupling_map", lambda _: CouplingMap(LINE), _edge_added),
        ("basis_gates", lambda _: list(BASIS), lambda names: names.append("u")),
    ],
    ids=["layout", "dict", "list", "edges", "map", "basis"],
)
def test_an_option_changed_between_two_calls_is_not_taken_for_what_it_was(name, make, change):
    cache = TranspileCache()
    circuit = ansatz(some(0))
    options = {"coupling_map": LINE, "basis_gates": BASIS, "initial_layout": [0, 1, 2]}
    options.update(optimization_level=1, seed_transpiler=1)
    given = make(circuit)
    cache.transpile(circuit, **{**options, name: given})
    change(given)
    circuit.x(0)
    fresh = {**options, name: make(circuit)}

    cache._managers.clear()  # a manager that was built before the change hides what is kept

    assert cache.transpile(circuit, **fresh) == qiskit.transpile(circuit, **fresh)
    assert cache.transpile(circuit, **fresh).layout == qiskit.transpile(circuit, **fresh).layout


def _chain(**options: bool) -> QuantumCircuit:
    with pytest.deprecated_call():
        gate = MCXVChain(4, **options)
        circuit = QuantumCircuit(gate.num_qubits)
        circuit.append(gate, range(gate.num_qubits))
    return circuit


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"dirty_ancillas": True}),
        ({}, {"relative_phase": True}),
        ({"dirty_ancillas": True}, {"dirty_ancillas": True, "action_only": True}),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_gates_that_differ_in_more_than_their_parameters_are_told_apart(one, other):
    cache = TranspileCache()
    options = {"basis_gates": ["u", "cx"], "optimization_level": 0}
    cache.transpile(_chain(**one), **options)

    served = cache.transpile(_chain(**other), **options)

    assert served == qiskit.transpile(_chain(**other), **options)


def test_gates_with_many_controls_are_served_by_state_and_number_of_controls():
    cache = TranspileCache()
    circuits = []
    for gate in (MCXGate(5), MCXGate(5, ctrl_state=3), MCXGate(6)):
        circuits.append(QuantumCircuit(7))
        circuits[-1].append(gate, range(gate.num_qubits))
    calls = [(circuit, {"basis_gates": ["u", "cx"]}) for circuit in circuits]

    assert hits_after(cache, *calls) == 0
    assert hits_after(cache, *calls) == 3


def test_a_class_made_from_a_standard_gate_is_not_taken_for_it():
    class Mine(CXGate):
        def _define(self):
            self.definition = QuantumCircuit(2)

    cache = TranspileCache()
    circuit = QuantumCircuit(2)
    circuit.append(Mine(ctrl_state=0), [0, 1])
    cache.transpile(circuit, basis_gates=BASIS)

    assert cache.statistics.refused == 1


@pytest.mark.parametrize("angle", [float("nan"), float("inf")])
def test_angles_that_are_no_numbers_are_never_bound(angle):
    cache = TranspileCache()
    for value in (0.2, 0.3, angle):
        circuit = QuantumCircuit(1)
        circuit.rz(value, 0)
        cache.transpile(circuit, basis_gates=BASIS)

    assert cache.statistics.bound == 0


def test_simulators_made_anew_are_known_by_their_settings():
    aer = pytest.importorskip("qiskit_aer")
    cache = TranspileCache()
    for number in range(3):
        cache.transpile(ansatz(some(number)), aer.AerSimulator())
    simulator = aer.AerSimulator()
    call = (ansatz(some(0)), {"backend": simulator})

    assert cache.statistics.bound == 1
    assert hits_after(cache, call) == 1
    simulator.set_options(method="matrix_product_state")
    assert hits_after(cache, call) == 0


def test_a_circuit_with_an_annotated_operation_is_left_to_qiskit():
    cache = TranspileCache()
    circuit = QuantumCircuit(3)
    gate = circuit.to_gate().control(1, annotated=True)
    outer = QuantumCircuit(4, 1)
    outer.append(gate, range(4))
    outer.measure(0, 0)

    found = cache.transpile(outer, basis_gates=["rz", "sx", "cx"])

    assert found == qiskit.transpile(outer, basis_gates=["rz", "sx", "cx"])
    assert cache.statistics.refused == 1
