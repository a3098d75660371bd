# SPDX-License-Identifier: Apache-2.0
"""The sampler against exact probabilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives import PrimitiveResult

FOLDER = Path(__file__).parent


def test_a_turned_qubit_has_its_exact_probability_for_each_angle(service):
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("angle"), 0)
    circuit.measure_all()
    angles, shots = np.linspace(0, np.pi, 7), 5000
    job = service.run(
        service.upload_program(FOLDER), {"pubs": [(circuit, angles, shots)], "seed": 1}
    )
    result = job.result()

    assert isinstance(result, PrimitiveResult)
    ones = result[0].data.meas.bitcount().sum(axis=-1)
    p = np.sin(angles / 2) ** 2
    # 5 standard deviations of a binomial count: a false alarm in 240,000 seeds (7 angles).
    assert np.all(np.abs(ones - shots * p) <= 5 * np.sqrt(shots * p * (1 - p)) + 1e-9)


def test_registers_stay_apart(service):
    left, right = ClassicalRegister(2, "left"), ClassicalRegister(1, "right")
    circuit = QuantumCircuit(QuantumRegister(3), left, right)
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], [left[1], left[0], right[0]])
    inputs = {"pubs": [circuit], "shots": 10}
    data = service.run(service.upload_program(FOLDER), inputs).result()[0].data

    assert data.left.get_counts() == {"10": 10}
    assert data.right.get_counts() == {"1": 10}
