# SPDX-License-Identifier: Apache-2.0
"""Hello, world: measures a Bell pair a few times and greets."""

from __future__ import annotations

from collections import Counter

from qiskit import QuantumCircuit, transpile


def main(backend, user_messenger, *, name="World", iterations=3, shots=None, seed=None):
    """Run a Bell pair ``iterations`` times; publish the counts of each, return their sum."""
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    circuit = transpile(bell, backend, seed_transpiler=seed)

    total = Counter()
    for iteration in range(1, iterations + 1):
        run_seed = None if seed is None else seed + iteration
        job = backend.run(circuit, shots=shots or backend.options.shots, seed_simulator=run_seed)
        counts = job.result().get_counts()
        user_messenger.publish({"iteration": iteration, "counts": counts})
        total += counts

    return {"greeting": f"Hello, {name}!", "counts": total}
