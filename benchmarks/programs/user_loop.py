# SPDX-License-Identifier: Apache-2.0
"""What a user writes: transpile and run in every iteration. Says how long an iteration took."""

from __future__ import annotations

from time import perf_counter

from qiskit import transpile


def main(backend, user_messenger, *, circuit, values, shots):
    """Run the circuit for each row of values, one after another."""
    begin = perf_counter()
    for row in values:
        ready = transpile(circuit.assign_parameters(row), backend)
        counts = backend.run(ready, shots=shots).result().get_counts()
    return {"seconds": (perf_counter() - begin) / len(values), "counts": dict(counts)}
