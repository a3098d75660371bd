# SPDX-License-Identifier: Apache-2.0
"""Sampler: Qiskit's V2 primitive next to the backend; bits of every shot come back."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2
from qiskit.transpiler import generate_preset_pass_manager


def main(backend, user_messenger, *, pubs, shots=None, optimization_level=1, seed=None):
    """Return the ``PrimitiveResult`` of pubs: a circuit, or (circuit, values, shots)."""
    passes = generate_preset_pass_manager(optimization_level, backend, seed_transpiler=seed)
    sampler = BackendSamplerV2(backend=backend, options={"seed_simulator": seed})
    ready = []
    for pub in pubs:
        circuit, *rest = pub if isinstance(pub, list | tuple) else [pub]
        if isinstance(circuit, str):
            circuit = QuantumCircuit.from_qasm_str(circuit)
        ready.append((passes.run(circuit), *rest))
    return sampler.run(ready, shots=shots or backend.options.shots).result()
