# SPDX-License-Identifier: Apache-2.0
"""Compiled forms: exact for every circuit of their structure, found again, bounded, independent."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from circuits import circuits
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, Qubit
from qiskit.quantum_info import Statevector

from qruntime.execution.first_use import _Teller, import_kernels
from qruntime.execution.forms import Forms, read
from qruntime.execution.placed import placed_gates
from qruntime.execution.program import StatevectorProgram
from qruntime.execution.unsupported import NotSupportedError


def row_of(circuit: QuantumCircuit, parameters: np.ndarray | None = None) -> np.ndarray:
    numbers = np.array([read(circuit).numbers])
    return numbers if parameters is None else np.hstack([[parameters], numbers])


def ring(numbers: list[float], phase: float = 0.0, qubits: int = 3) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits, global_phase=phase)
    for place, number in enumerate(numbers):
        circuit.ry(number, place % qubits)
        circuit.rz(number / 2, place % qubits)
        circuit.cx(place % qubits, (place + 1) % qubits)
    circuit.measure_all()
    return circuit


def sampled(forms: Forms, circuit: QuantumCircuit, shots: int = 500) -> dict[str, int]:
    known = read(circuit)
    return forms.kernel(circuit, known).sample(row_of(circuit), shots, seed=3).counts()


@settings(max_examples=60)
@given(circuits(), st.integers(0, 2**32))
def test_the_state_is_exact_up_to_a_phase(circuit: QuantumCircuit, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(-3, 3, circuit.num_parameters)
    bound = circuit.assign_parameters(values)
    exact = np.abs(Statevector(bound).data) ** 2
    circuit.measure_all()
    bound.measure_all()

    free = StatevectorProgram.compile_to_sample(circuit, len(read(circuit).numbers))
    fixed = StatevectorProgram.compile_to_sample(bound, len(read(bound).numbers))

    for program, row in ((free, row_of(circuit, values)), (fixed, row_of(bound))):
        assert np.allclose(np.abs(program.states(row)[0]) ** 2, exact, atol=1e-11)


def test_every_standard_gate_with_numbers_has_a_place_for_them() -> None:
    from qiskit._accelerate.circuit import StandardGate

    known = placed_gates()

    missing = [
        gate.name
        for gate in StandardGate.all_gates()
        if gate.num_params and (gate.name, gate.num_qubits) not in known
    ]
    assert missing == []


special = st.sampled_from([0.0, -0.0, np.pi, np.pi / 2, -np.pi, 2 * np.pi, 4 * np.pi, 1e-300])


@settings(max_examples=40)
@given(st.lists(st.one_of(special, st.floats(-9, 9)), min_size=4, max_size=4), st.floats(0, 6))
def test_the_first_sight_of_a_structure_and_the_second_give_the_same_counts(
    numbers: list[float], phase: float
) -> None:
    seen = Forms()
    sampled(seen, ring([0.3, 1.0, 2.0, 0.0], phase=1.0))

    again = sampled(seen, ring(numbers, phase))

    assert seen.statistics()["kernel"]["hits"] == 1
    assert again == sampled(Forms(), ring(numbers, phase))


def wired(first: int, second: int) -> QuantumCircuit:
    circuit = QuantumCircuit(3, 3)
    circuit.x(first)
    circuit.cx(first, second)
    circuit.measure(range(3), range(3))
    return circuit


def test_another_order_of_qubits_is_another_circuit() -> None:
    forms = Forms()

    found = [sampled(forms, wired(*pair), 5) for pair in ((0, 1), (1, 0), (0, 2), (0, 1))]

    assert found == [{"011": 5}, {"011": 5}, {"101": 5}, {"011": 5}]
    assert forms.statistics()["kernel"]["hits"] == 1


def test_where_the_measurements_go_is_part_of_the_structure() -> None:
    forms = Forms()
    found = []
    for clbit in (0, 2):
        circuit = QuantumCircuit(1, 3)
        circuit.x(0)
        circuit.measure(0, clbit)
        found.append(sampled(forms, circuit, 5))

    assert found == [{"001": 5}, {"100": 5}]


def test_a_free_angle_and_a_number_are_different_circuits() -> None:
    angle = Parameter("angle")
    free, fixed = QuantumCircuit(1), QuantumCircuit(1)
    free.rx(angle, 0)
    fixed.rx(0.5, 0)

    assert read(free).key != read(fixed).key
    assert (read(free).numbers, read(fixed).numbers) == ([], [0.5])


def test_a_free_global_phase_is_part_of_the_structure() -> None:
    keys = {read(QuantumCircuit(1, global_phase=phase)).key for phase in (0, 1, Parameter("p"))}

    assert len(keys) == 2


def test_qubits_that_nothing_acts_on_cost_nothing() -> None:
    circuit = QuantumCircuit(70, 2)
    circuit.x(66)
    circuit.ry(0.0, 3)
    circuit.barrier()
    circuit.measure([3, 66], [0, 1])
    forms = Forms()

    assert sampled(forms, circuit, 7) == {"10": 7}
    assert forms.kernel(circuit, read(circuit)).num_qubits == 2


def test_a_form_keeps_nothing_of_the_circuit_it_was_made_from() -> None:
    forms, circuit = Forms(), ring([0.1, 0.2])
    before = sampled(forms, circuit)

    circuit.x(0)
    circuit.data[0] = circuit.data[1]

    assert sampled(forms, ring([0.1, 0.2])) == before


def test_what_cannot_be_found_again_is_compiled_each_time() -> None:
    class Mine(QuantumCircuit):
        pass

    forms = Forms()
    circuit = Mine(1)
    circuit.rx(np.pi, 0)
    circuit.measure_all()

    assert [sampled(forms, circuit, 3) for _ in range(2)] == [{"1": 3}] * 2
    assert forms.statistics()["kernel"]["unkeyed"] == 2
    assert forms.statistics()["kernel"]["kept"] == 0


def test_a_refusal_is_remembered() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.h(0)
    forms = Forms()

    for _ in range(2):
        with pytest.raises(NotSupportedError, match="used again after its measurement"):
            forms.kernel(circuit, read(circuit))

    counted = forms.statistics()["kernel"]
    assert (counted["hits"], counted["misses"], counted["refused"]) == (1, 1, 2)


def test_the_memory_is_bounded() -> None:
    forms = Forms(limit=400_000)

    for length in range(1, 60):
        sampled(forms, ring([0.5] * length))

    counted = forms.statistics()["kernel"]
    assert 0 < counted["bytes"] <= 200_000
    assert counted["evictions"] > 0
    assert counted["kept"] + counted["evictions"] == 59


def test_threads_may_share_forms() -> None:
    forms = Forms()
    todo = [ring([0.1 * number, 0.2, 0.3]) for number in range(40)]
    alone = [sampled(Forms(), circuit) for circuit in todo]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda circuit: sampled(forms, circuit), todo))

    assert together == alone


def test_loose_qubits_and_named_registers_are_told_apart() -> None:
    loose = QuantumCircuit([Qubit(), Qubit()])
    named = QuantumCircuit(QuantumRegister(2, "a"))

    assert read(loose).key != read(named).key


# The first use on a machine


def test_compiling_is_announced_once_and_only_for_our_own_functions(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def compiled(module: str) -> SimpleNamespace:
        function = SimpleNamespace(__module__=module)
        return SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=function)})

    teller = _Teller()
    with caplog.at_level(logging.WARNING):
        for module in (
            "somebody.elses",
            "qruntime.execution.streams",
            "qruntime.execution.kernels",
        ):
            teller.on_start(compiled(module))

    assert [record.message.split(":")[0] for record in caplog.records] == [
        "compiling the statevector kernels for this machine"
    ]


def test_kernels_that_are_loaded_are_not_announced(caplog: pytest.LogCaptureFixture) -> None:
    import_kernels()
    import_kernels()

    assert "compiling" not in "".join(caplog.messages[1:])
