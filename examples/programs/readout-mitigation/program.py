# SPDX-License-Identifier: Apache-2.0
"""Readout mitigation: expectation values with the readout errors of each qubit undone."""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit, transpile


def main(
    backend,
    user_messenger,
    *,
    circuit,
    observables,
    shots=None,
    calibration_shots=None,
    seed=None,
):
    """Return raw and mitigated expectation values of Pauli strings after ``circuit``."""
    if isinstance(circuit, str):
        circuit = QuantumCircuit.from_qasm_str(circuit)
    shots = shots or backend.options.shots
    calibration_shots = calibration_shots or shots
    rng = np.random.default_rng(seed)

    def measure(circuits, shots):
        """Return the bits of each circuit: a row per shot, a column per classical bit."""
        run_seed = int(rng.integers(2**31))
        result = backend.run(circuits, shots=shots, memory=True, seed_simulator=run_seed).result()
        memories = [result.get_memory(index) for index in range(len(circuits))]
        return [np.array([list(row[::-1]) for row in memory], dtype=int) for memory in memories]

    measured = transpile(
        [in_basis(circuit, label) for label in observables], backend, seed_transpiler=seed
    )
    wires = [measured_qubits(one) for one in measured]
    used = sorted({qubit for one in wires for qubit in one})
    zeros, ones = measure(calibration(used, backend), calibration_shots)
    p10 = dict(zip(used, zeros.mean(axis=0), strict=True))
    p01 = dict(zip(used, 1 - ones.mean(axis=0), strict=True))
    user_messenger.publish({"qubits": used, "p10": list(p10.values()), "p01": list(p01.values())})

    values = {}
    for label, bits, qubits in zip(observables, measure(measured, shots), wires, strict=True):
        errors = np.array([[p10[qubit], p01[qubit]] for qubit in qubits])
        values[label] = expectation(bits, errors, calibration_shots)
    return {"values": values, "shots": shots, "calibration_shots": calibration_shots}


def in_basis(circuit, label) -> QuantumCircuit:
    """Return the circuit with the qubits of a Pauli string measured in its basis."""
    support = [qubit for qubit, pauli in enumerate(reversed(label)) if pauli != "I"]
    measured = QuantumCircuit(circuit.num_qubits, len(support))
    measured.compose(circuit, inplace=True)
    for qubit in support:
        if label[-1 - qubit] == "Y":
            measured.sdg(qubit)
        if label[-1 - qubit] in "XY":
            measured.h(qubit)
    measured.measure(support, range(len(support)))
    return measured


def measured_qubits(circuit) -> list[int]:
    """Return the qubit of the backend that is read into each classical bit."""
    qubits = {
        circuit.find_bit(step.clbits[0]).index: circuit.find_bit(step.qubits[0]).index
        for step in circuit.data
        if step.operation.name == "measure"
    }
    return [qubits[bit] for bit in range(circuit.num_clbits)]


def calibration(qubits, backend) -> list[QuantumCircuit]:
    """Return two circuits that read the qubits in all zeros and in all ones."""
    zeros, ones = QuantumCircuit(len(qubits)), QuantumCircuit(len(qubits))
    ones.x(range(len(qubits)))
    for circuit in (zeros, ones):
        circuit.measure_all()
    return transpile([zeros, ones], backend, initial_layout=qubits, optimization_level=0)


def expectation(bits, errors, calibration_shots) -> dict:
    """Return the expectation of the bits' parity, raw and mitigated, with standard errors.

    A qubit that reads 1 for 0 with p10 and 0 for 1 with p01 has the matrix
    A = [[1 - p10, p01], [p10, 1 - p01]]. Its inverse turns the sign s = +-1 of a bit into the
    weight (s + p10 - p01) / (1 - p10 - p01); the weights of several qubits multiply.
    """
    signs = 1 - 2 * bits
    raw = signs.prod(axis=1)
    p10, p01 = errors.T
    det = 1 - p10 - p01
    weights = (signs + p10 - p01) / det
    mitigated = weights.prod(axis=1)

    variance = mitigated.var() / len(bits)
    for qubit in range(len(errors)):
        others = np.delete(weights, qubit, axis=1).prod(axis=1)
        for p, slope in ((p10, weights[:, qubit] + 1), (p01, weights[:, qubit] - 1)):
            share = (others * slope).mean() / det[qubit]
            variance += share**2 * p[qubit] * (1 - p[qubit]) / calibration_shots
    return {
        "raw": raw.mean(),
        "raw_standard_error": raw.std() / np.sqrt(len(bits)),
        "mitigated": mitigated.mean(),
        "standard_error": np.sqrt(variance),
    }
