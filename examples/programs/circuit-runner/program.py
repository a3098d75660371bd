# SPDX-License-Identifier: Apache-2.0
"""Circuit runner: any circuits in, counts out."""

from __future__ import annotations

from qiskit import QuantumCircuit, qasm2, qasm3, transpile


def main(backend, user_messenger, *, circuits, shots=None, seed=None, transpile_options=None):
    """Transpile circuits for the backend and run them all in one go."""
    given = circuits if isinstance(circuits, list) else [circuits]
    read = [as_circuit(circuit) for circuit in given]
    options = {"optimization_level": 1, "seed_transpiler": seed, **(transpile_options or {})}
    ready = transpile(read, backend, **options)
    described = [
        {"depth": circuit.depth(), "gates": dict(circuit.count_ops())} for circuit in ready
    ]
    user_messenger.publish({"transpiled": described})

    shots = shots or backend.options.shots
    result = backend.run(ready, shots=shots, seed_simulator=seed).result()
    counts = [result.get_counts(index) for index in range(len(ready))]
    return {"counts": counts, "shots": shots, "circuits": described}


def as_circuit(circuit) -> QuantumCircuit:
    """Return a circuit that may be given as OpenQASM 2 or 3."""
    if not isinstance(circuit, str):
        return circuit
    return qasm3.loads(circuit) if "OPENQASM 3" in circuit else qasm2.loads(circuit)
