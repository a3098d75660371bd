# SPDX-License-Identifier: Apache-2.0
"""Variational quantum eigensolver: the ground energy of a Hamiltonian, measured in shots."""

from __future__ import annotations

from collections import Counter

import numpy as np
from qiskit.circuit import ParameterExpression
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import BackendEstimatorV2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

# Hydrogen at 0.735 angstrom: STO-3G, parity mapping on two qubits, nuclear repulsion included.
H2 = {"II": -0.33240425, "IZ": 0.39793742, "ZI": -0.39793742, "ZZ": -0.01128010, "XX": 0.18093120}
ROTATIONS = ("rx", "ry", "rz", "p", "rxx", "ryy", "rzz", "rzx")


def main(
    backend,
    user_messenger,
    *,
    hamiltonian=None,
    ansatz=None,
    reps=1,
    iterations=4,
    shots=None,
    initial_parameters=None,
    seed=None,
):
    """Minimise the energy of the ansatz; publish each iteration, return energy and exact energy."""
    operator = as_operator(hamiltonian or H2)
    if ansatz is None:
        ansatz = efficient_su2(operator.num_qubits, ["ry"], entanglement="linear", reps=reps)
    check(ansatz)
    passes = generate_preset_pass_manager(1, backend, seed_transpiler=seed)
    circuit = passes.run(ansatz)
    observable = operator.apply_layout(circuit.layout, circuit.num_qubits)
    estimator = BackendEstimatorV2(backend=backend)
    precision = (shots or backend.options.shots) ** -0.5
    rng = np.random.default_rng(seed)

    def measure(points):
        estimator.options.seed_simulator = int(rng.integers(2**31))
        pub = (circuit, observable, points, precision)
        return estimator.run([pub]).result()[0].data

    if initial_parameters is None:
        initial_parameters = rng.uniform(-0.1, 0.1, ansatz.num_parameters)
    parameters = np.array(initial_parameters, dtype=float)
    estimate = measure(parameters)
    for iteration in range(1, iterations + 1):
        minimise_each_angle(lambda points: measure(points).evs, parameters, float(estimate.evs))
        estimate = measure(parameters)
        energy = float(estimate.evs)
        user_messenger.publish({"iteration": iteration, "parameters": parameters, "energy": energy})

    energy = float(estimate.evs)
    exact_energy = float(np.linalg.eigvalsh(operator.to_matrix())[0])
    return {
        "energy": energy,
        "exact_energy": exact_energy,
        "error": energy - exact_energy,
        "standard_error": float(estimate.stds),
        "iterations": iterations,
        "parameters": parameters,
    }


def minimise_each_angle(energies, angles, here) -> None:
    """Move one angle after the other to its minimum (Nakanishi, Fujii, Todo 2020).

    Along one angle the energy is a sinusoid, so three values of it give its minimum exactly.
    """
    for k in range(len(angles)):
        step = np.zeros_like(angles)
        step[k] = np.pi / 2
        plus, minus = energies([angles + step, angles - step])
        mean, sine = (plus + minus) / 2, (plus - minus) / 2
        cosine = here - mean
        angles[k] += np.arctan2(-sine, -cosine)
        here = mean - np.hypot(sine, cosine)


def as_operator(hamiltonian) -> SparsePauliOp:
    """Return a Hamiltonian that may be given as Pauli strings with their coefficients."""
    if isinstance(hamiltonian, SparsePauliOp):
        return hamiltonian
    return SparsePauliOp.from_list(list(hamiltonian.items()))


def check(ansatz) -> None:
    """Refuse an ansatz along whose angles the energy is not a sinusoid."""
    used = [
        (instruction.operation.name, angle)
        for instruction in ansatz.data
        for angle in instruction.operation.params
        if isinstance(angle, ParameterExpression)
    ]
    once = Counter(angle for _, angle in used) == Counter(ansatz.parameters)
    if not once or any(name not in ROTATIONS for name, _ in used):
        raise ValueError(
            "each parameter of the ansatz must be the angle of exactly one rotation: "
            + ", ".join(ROTATIONS)
        )
