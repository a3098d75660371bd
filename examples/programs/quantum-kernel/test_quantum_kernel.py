# SPDX-License-Identifier: Apache-2.0
"""The quantum kernel against the overlaps of exact states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import zz_feature_map
from qiskit.quantum_info import Statevector

FOLDER = Path(__file__).parent
DATA = np.random.default_rng(1).uniform(0, np.pi / 2, (6, 2))
SHOTS = 2000


def exact_kernel(feature_map):
    states = np.array([Statevector(feature_map.assign_parameters(row)).data for row in DATA])
    return np.clip(np.abs(states.conj() @ states.T) ** 2, 0, 1)


def check(measured, exact):
    deviations = np.sqrt(exact * (1 - exact) / SHOTS)
    # 5 standard deviations of a binomial share, and one shot where it is small: a false alarm in
    # 100,000 seeds (15 pairs).
    assert np.all(np.abs(measured - exact) <= 5 * deviations + 1 / SHOTS)
    assert np.array_equal(measured, measured.T)
    assert np.all(measured.diagonal() == 1)
    # The exact matrix has no negative eigenvalue, and noise moves eigenvalues by no more than its
    # own norm (Weyl); the root of its mean square is that of all the deviations.
    assert np.linalg.eigvalsh(measured)[0] >= -5 * np.sqrt(np.sum(deviations**2))


def test_the_kernel_is_that_of_exact_states(service):
    inputs = {"data": DATA, "shots": SHOTS, "seed": 1}
    job = service.run(service.upload_program(FOLDER), inputs)
    kernel = job.result()["kernel"]

    check(kernel, exact_kernel(zz_feature_map(2, reps=2)))
    assert [one["row"] for one in job.interim_results()] == [0, 1, 2, 3, 4]


def test_a_feature_map_of_ones_own_is_used(service):
    angles = ParameterVector("angle", 2)
    feature_map = QuantumCircuit(2)
    feature_map.ry(angles[0], 0)
    feature_map.cx(0, 1)
    feature_map.rx(angles[1], 1)
    inputs = {"data": DATA, "feature_map": feature_map, "shots": SHOTS, "seed": 1}
    kernel = service.run(service.upload_program(FOLDER), inputs).result()["kernel"]

    check(kernel, exact_kernel(feature_map))
