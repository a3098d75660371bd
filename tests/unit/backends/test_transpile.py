# SPDX-License-Identifier: Apache-2.0
"""``backend.transpile``: what Qiskit gives, from the cache that the backends share."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ParameterVector
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator

from qruntime import AerBackend, InvalidInputError, ProviderBackend
from qruntime.execution.transpilation import TranspileCache


def ansatz(qubits: int) -> QuantumCircuit:
    angles = ParameterVector("t", 2 * qubits)
    circuit = QuantumCircuit(qubits)
    for layer in range(2):
        for qubit in range(qubits):
            circuit.ry(angles[layer * qubits + qubit], qubit)
        for qubit in range(qubits):
            circuit.cx(qubit, (qubit + 2) % qubits)
    return circuit


@pytest.fixture(params=["simulator", "simulated device", "device"])
def backend(request):
    if request.param == "simulator":
        return AerBackend()
    device = GenericBackendV2(5, coupling_map=[[0, 1], [1, 2], [2, 3], [3, 4]], seed=1)
    if request.param == "device":
        return ProviderBackend(device)
    return AerBackend.from_device(device)


def test_a_loop_is_served_from_the_cache_and_is_equivalent_to_qiskits(backend):
    backend.transpile_cache.clear()
    circuit = ansatz(5)
    generator = np.random.default_rng(1)
    before = backend.transpile_cache.statistics
    for _ in range(5):
        bound = circuit.assign_parameters(generator.uniform(0.1, 3, circuit.num_parameters))

        ours = backend.transpile(bound, seed_transpiler=3)
        theirs = transpile(bound, backend, seed_transpiler=3)

        assert Operator.from_circuit(ours).equiv(Operator.from_circuit(bound))
        two_qubit = [c.num_nonlocal_gates() for c in (ours, theirs)]
        assert two_qubit[0] <= two_qubit[1]
    assert backend.transpile_cache.statistics.hits > before.hits


@pytest.mark.parametrize(
    ("version", "served"),
    [("2.1.2", False), ("2.5.0", False), ("2.6.0", True), ("2.10.1", True), ("3.0.0rc1", True)],
)
def test_only_versions_of_qiskit_that_were_examined_are_served(monkeypatch, version, served):
    monkeypatch.setattr("qiskit.__version__", version)

    assert TranspileCache().enabled is served


def test_backends_share_one_cache():
    assert AerBackend().transpile_cache is AerBackend(method="stabilizer").transpile_cache


def test_another_target_is_never_served_from_an_old_entry():
    circuit = ansatz(3).assign_parameters(np.linspace(0.3, 1.1, 6))
    wide = AerBackend.from_device(GenericBackendV2(3, seed=1))
    narrow = AerBackend.from_device(GenericBackendV2(3, coupling_map=[[0, 1], [1, 2]], seed=1))

    for backend in (wide, narrow, wide, narrow):
        made = backend.transpile(circuit, seed_transpiler=1)

        assert all(
            backend.target.instruction_supported(
                item.operation.name, tuple(made.find_bit(qubit).index for qubit in item.qubits)
            )
            for item in made.data
        )


def test_another_backend_is_refused_for_the_backend_is_this_one(backend):
    with pytest.raises(InvalidInputError, match="transpiles for itself"):
        backend.transpile(ansatz(3), backend=AerBackend())
