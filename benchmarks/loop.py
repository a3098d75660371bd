# SPDX-License-Identifier: Apache-2.0
"""One iteration of a hybrid loop: new parameters, 1024 shots, a dict of counts.

Ours, a careful user of Aer (the circuit transpiled once, ``assign_parameters``,
``AerSimulator.run``) and a naive one (``transpile(circuit, AerSimulator())`` each time) take turns
in one process, on one thread; a turn is a burst of iterations, as in a loop. Prints medians and the
ratios with their quartiles.

    python benchmarks/loop.py [rounds]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from statistics import median, quantiles

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from kernel import hea, qaoa
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator

from qruntime import AerBackend

SHOTS = 1024
NAIVE_UP_TO = 12
BURST_SECONDS = 0.03


def loops(circuit: QuantumCircuit) -> dict[str, Callable[[np.ndarray], dict[str, int]]]:
    """Return one iteration by each way, as a function of the parameters."""
    simulator = AerSimulator()
    careful = transpile(circuit, simulator)
    template = AerBackend().compile(circuit)
    assert template.tiers == ("kernel",)
    native = AerBackend().compile(circuit, tier="native")
    ways = {
        "ours": lambda x: template.run(x, shots=SHOTS).result().get_counts(),
        "ours, native": lambda x: native.run(x, shots=SHOTS).result().get_counts(),
        "careful": lambda x: (
            simulator.run(careful.assign_parameters(x), shots=SHOTS).result().get_counts()
        ),
    }
    if circuit.num_qubits <= NAIVE_UP_TO:
        ways["naive"] = lambda x: (
            simulator.run(transpile(circuit.assign_parameters(x), simulator), shots=SHOTS)
            .result()
            .get_counts()
        )
    return ways


def measure(circuit: QuantumCircuit, rounds: int) -> dict[str, list[float]]:
    """Time each way in turn; return microseconds by way."""
    ways = loops(circuit)
    generator = np.random.default_rng(1)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            iterations = 0
            while (taken := time.perf_counter() - start) < BURST_SECONDS:
                values = generator.uniform(0, 2 * np.pi, circuit.num_parameters)
                counts = way(values)
                iterations += 1
            assert sum(counts.values()) == SHOTS
            if turn:  # the first turn warms up
                seconds[name].append(taken / iterations * 1e6)
    return seconds


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    print(f"{'circuit':10} {'way':13} {'median us':>10}   ratio to ours (quartiles)")
    for family, make in (("hea", hea), ("qaoa", qaoa)):
        for qubits in (4, 8, 12, 16, 20):
            circuit = make(qubits)
            circuit.measure_all()
            seconds = measure(circuit, rounds)
            for name, taken in seconds.items():
                ratios = [a / b for a, b in zip(taken, seconds["ours"], strict=True)]
                low, _, high = quantiles(ratios, n=4)
                print(
                    f"{family} {qubits:<5} {name:13} {median(taken):10.0f}   "
                    f"{median(ratios):.1f} ({low:.1f} - {high:.1f})"
                )


if __name__ == "__main__":
    main()
