# SPDX-License-Identifier: Apache-2.0
"""A program's transpiler is served from the cache of its process, and nobody else's is."""

from __future__ import annotations

import pytest
import qiskit
from qiskit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2

from qruntime import InvalidInputError, ProviderBackend, RuntimeOptions, RuntimeService
from qruntime.execution.transpilation import shared_cache
from qruntime.program.legacy.execute import executing_with
from qruntime.worker.task import Task

LINE = [[0, 1], [1, 2], [2, 3], [3, 4]]
CIRCUIT = (
    "def ansatz(angle):\n"
    "    circuit = QuantumCircuit(4)\n"
    "    for qubit in range(4):\n"
    "        circuit.ry(angle + 0.1 * qubit, qubit)\n"
    "    for qubit in range(4):\n"
    "        circuit.cx(qubit, (qubit + 2) % 4)\n"
    "    circuit.measure_all()\n"
    "    return circuit\n"
)
LOOP = (
    "from qiskit import QuantumCircuit, transpile\n"
    f"{CIRCUIT}"
    "def main(backend, user_messenger, angles, level=2, seed=7):\n"
    "    return [\n"
    "        transpile(ansatz(a), backend, optimization_level=level, seed_transpiler=seed)\n"
    "        for a in angles\n"
    "    ]\n"
)
OLD = (
    "from qiskit import QuantumCircuit, execute\n"
    f"{CIRCUIT}"
    "def main(backend, user_messenger, angles):\n"
    "    for a in angles:\n"
    "        execute(ansatz(a), backend, shots=5, seed_transpiler=7)\n"
)
LIBRARY = (
    "import qiskit, sys\n"
    "from qiskit import transpile\n"
    "def main(backend, user_messenger):\n"
    "    real = sys.modules['qiskit']\n"
    "    import qiskit.primitives.backend_sampler_v2 as library\n"
    "    import qiskit.compiler.transpiler\n"
    "    return [transpile is real.transpile, real.transpile.__module__]\n"
)


@pytest.fixture
def service():
    with RuntimeService() as made:
        yield made


@pytest.fixture(autouse=True)
def empty():
    shared_cache().clear()


def hits_of(service, program, inputs, **options):
    before = shared_cache().statistics
    service.run(program, inputs, options).result(60)
    after = shared_cache().statistics
    return after.hits - before.hits, after.misses - before.misses


def line_of_five():
    return ProviderBackend(GenericBackendV2(5, coupling_map=LINE, seed=1))


@pytest.mark.parametrize("text", [LOOP, OLD], ids=["transpile", "execute"])
def test_the_loop_of_an_uploaded_program_is_served(service, text):
    program = service.upload_program(text, name="loop")

    assert hits_of(service, program, {"angles": [0.2, 0.3, 0.4, 0.5]}) == (2, 2)


def test_a_job_can_switch_it_off(service):
    program = service.upload_program(LOOP, name="loop")
    inputs = {"angles": [0.2, 0.3, 0.4]}

    assert hits_of(service, program, inputs, transpile_cache=False) == (0, 0)


def test_the_seed_gives_the_layout_and_routing_of_qiskit_alone(service):
    backend = line_of_five()
    program = service.upload_program(LOOP, name="loop")
    inputs = {"angles": [0.2, 0.3, 0.4, 0.5]}
    served = service.run(program, inputs, {"backend": backend}).result(60)
    alone = service.run(program, inputs, {"backend": backend, "transpile_cache": False}).result(60)

    assert shared_cache().statistics.bound >= 2
    assert [pairs(circuit) for circuit in served] == [pairs(circuit) for circuit in alone]


def pairs(circuit: QuantumCircuit):
    return [
        tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
        for item in circuit.data
        if item.operation.num_qubits == 2
    ]


@pytest.mark.parametrize(
    "backend",
    ["aer_simulator", line_of_five],
    ids=["a simulator made for each job", "a device made for each job"],
)
def test_a_second_job_of_the_same_program_is_served_by_the_first(service, backend):
    program = service.upload_program(LOOP, name="loop")

    def options():
        return {"backend": backend if isinstance(backend, str) else backend()}

    first = hits_of(service, program, {"angles": [0.2, 0.3]}, **options())
    second = hits_of(service, program, {"angles": [0.4, 0.5]}, **options())

    assert first == (0, 2)
    assert second == (2, 0)


def test_another_target_option_or_version_never_hits_an_old_entry(service, monkeypatch):
    program = service.upload_program(LOOP, name="loop")
    inputs = {"angles": [0.2]}
    device = GenericBackendV2(5, coupling_map=LINE, seed=1)
    noisier = GenericBackendV2(5, coupling_map=LINE, seed=2)
    hits = [
        hits_of(service, program, inputs, backend=ProviderBackend(device)),
        hits_of(service, program, inputs, backend=ProviderBackend(noisier)),
        hits_of(service, program, inputs | {"level": 1}, backend=ProviderBackend(device)),
        hits_of(service, program, inputs | {"seed": 8}, backend=ProviderBackend(device)),
    ]
    monkeypatch.setattr(qiskit, "__version__", "99.0")
    hits.append(hits_of(service, program, inputs, backend=ProviderBackend(device)))

    assert hits == [(0, 1)] * 5


def test_libraries_in_the_process_keep_the_function_of_qiskit(service):
    program = service.upload_program(LIBRARY, name="library")

    assert service.run(program).result(60) == [False, "qiskit.compiler.transpiler"]


def test_a_task_for_another_process_says_whether_the_cache_serves():
    from qruntime.core.programs import ProgramSource

    source = ProgramSource({"program.py": b""}, "program.py")
    task = Task("{}", "aer_simulator", source=source, transpile_cache=False)

    assert Task.from_json(task.to_json()).transpile_cache is False


def test_an_option_that_is_neither_true_nor_false_is_refused():
    with pytest.raises(InvalidInputError, match="transpile_cache must be True or False"):
        RuntimeOptions(transpile_cache=1).validate()


def test_execute_hands_its_circuits_to_the_function_it_is_made_with():
    asked = []

    def transpile(circuits, backend, **options):
        asked.append(options)
        return circuits

    class Backend:
        def run(self, circuits, **_options):
            return circuits

    circuit = QuantumCircuit(1)

    assert executing_with(transpile)(circuit, Backend(), seed_transpiler=3) is circuit
    assert asked == [{"optimization_level": 1, "seed_transpiler": 3}]
