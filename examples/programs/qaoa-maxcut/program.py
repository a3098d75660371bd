# SPDX-License-Identifier: Apache-2.0
"""QAOA for MaxCut: splits the nodes of a weighted graph so that the cut edges weigh most."""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.transpiler import generate_preset_pass_manager
from scipy.optimize import minimize


def main(backend, user_messenger, *, edges, layers=2, evaluations=30, shots=None, seed=None):
    """Maximise the expected cut over the angles; return the best cut and the last distribution.

    ``edges`` are (node, node, weight). In bit strings, the first bit is the side of node 0.
    """
    edges = [(int(a), int(b), float(weight)) for a, b, weight in edges]
    passes = generate_preset_pass_manager(1, backend, seed_transpiler=seed)
    circuit = passes.run(ansatz(edges, layers))
    shots = shots or backend.options.shots
    rng = np.random.default_rng(seed)

    def sample(angles):
        run_seed = int(rng.integers(2**31))
        bound = circuit.assign_parameters(angles)
        counts = backend.run(bound, shots=shots, seed_simulator=run_seed).result().get_counts()
        return {bits[::-1]: count / shots for bits, count in counts.items()}

    def expected_cut(distribution):
        return sum(share * cut(bits, edges) for bits, share in distribution.items())

    evaluation = 0

    def loss(angles):
        nonlocal evaluation
        evaluation += 1
        value = expected_cut(sample(angles))
        user_messenger.publish(
            {"iteration": evaluation, "parameters": angles, "expected_cut": value}
        )
        return -value

    start = linear_ramp(edges, layers)
    found = minimize(loss, start, method="COBYLA", options={"maxiter": evaluations, "rhobeg": 0.2})
    distribution = sample(found.x)
    best = max(distribution, key=lambda bits: cut(bits, edges))
    return {
        "best_cut": {"partition": best, "weight": cut(best, edges)},
        "expected_cut": expected_cut(distribution),
        "distribution": distribution,
        "parameters": found.x,
    }


def cut(bits, edges) -> float:
    """Return the weight of the edges between the two sides."""
    return sum(weight for a, b, weight in edges if bits[a] != bits[b])


def ansatz(edges, layers) -> QuantumCircuit:
    """Return the circuit; its parameters are all the angles beta, then all gamma."""
    nodes = 1 + max(max(a, b) for a, b, _ in edges)
    beta, gamma = ParameterVector("beta", layers), ParameterVector("gamma", layers)
    circuit = QuantumCircuit(nodes)
    circuit.h(range(nodes))
    for layer in range(layers):
        for a, b, weight in edges:
            circuit.rzz(-weight * gamma[layer], a, b)
        circuit.rx(2 * beta[layer], range(nodes))
    circuit.measure_all()
    return circuit


def linear_ramp(edges, layers) -> np.ndarray:
    """Return the angles of a short annealing schedule: a good start for any graph."""
    scale = np.mean([abs(weight) for _, _, weight in edges])
    time = (np.arange(layers) + 0.5) / layers
    return np.concatenate([0.75 * (1 - time), 0.75 * time / scale])
