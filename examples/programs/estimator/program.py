# SPDX-License-Identifier: Apache-2.0
"""Estimator: Qiskit's V2 primitive next to the backend; expectation values come back."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.primitives import BackendEstimatorV2
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.transpiler import generate_preset_pass_manager


def main(backend, user_messenger, *, pubs, precision=None, optimization_level=1, seed=None):
    """Return the ``PrimitiveResult`` of pubs: (circuit, observables, values, precision).

    ``precision`` is the standard error that each Pauli may have: 1 / sqrt(shots).
    """
    passes = generate_preset_pass_manager(optimization_level, backend, seed_transpiler=seed)
    estimator = BackendEstimatorV2(backend=backend, options={"seed_simulator": seed})
    ready = []
    for circuit, observables, *rest in pubs:
        given = QuantumCircuit.from_qasm_str(circuit) if isinstance(circuit, str) else circuit
        placed = passes.run(given)
        moved = ObservablesArray.coerce(observables).apply_layout(placed.layout, placed.num_qubits)
        ready.append((placed, moved, *rest))
    return estimator.run(ready, precision=precision or backend.options.shots**-0.5).result()
