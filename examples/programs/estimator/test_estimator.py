# SPDX-License-Identifier: Apache-2.0
"""The estimator against exact expectation values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import PrimitiveResult
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Pauli, SparsePauliOp, Statevector

from qruntime import AerBackend

FOLDER = Path(__file__).parent
LINE = [[0, 1], [1, 0], [1, 2], [2, 1], [2, 3], [3, 2]]


def check(result, circuit, labels, values, precision):
    exact = Statevector(circuit.assign_parameters(values))
    assert isinstance(result, PrimitiveResult)
    for label, measured in zip(labels, result[0].data.evs, strict=True):
        value = exact.expectation_value(Pauli(label)).real
        # 5 standard deviations of a mean of signs: a false alarm in 1.7 million a label.
        assert abs(measured - value) <= 5 * precision * np.sqrt(1 - value**2) + 1e-9


def test_pauli_strings_have_their_exact_values(service):
    circuit = efficient_su2(3, reps=1)
    values = np.random.default_rng(1).uniform(-np.pi, np.pi, circuit.num_parameters)
    labels, precision = ["ZII", "IZZ", "XYZ", "YIX"], 0.02
    inputs = {"pubs": [(circuit, labels, values)], "precision": precision, "seed": 1}
    result = service.run(service.upload_program(FOLDER), inputs).result()

    check(result, circuit, labels, values, precision)


def test_observables_follow_their_qubits_through_the_layout_of_a_device(service):
    device = AerBackend.from_device(
        GenericBackendV2(4, coupling_map=LINE, seed=1), noise_model=None
    )
    circuit = efficient_su2(4, entanglement="full", reps=1)
    values = np.random.default_rng(2).uniform(-np.pi, np.pi, circuit.num_parameters)
    labels, precision = ["ZIII", "IZII", "IIXI", "IIIY", "XZIZ"], 0.02
    inputs = {
        "pubs": [(circuit, labels, values)],
        "precision": precision,
        "optimization_level": 3,
        "seed": 1,
    }
    result = service.run(service.upload_program(FOLDER), inputs, {"backend": device}).result()

    check(result, circuit, labels, values, precision)


def test_an_operator_is_estimated_within_its_stated_error(service):
    circuit = efficient_su2(2, reps=1)
    values = np.random.default_rng(3).uniform(-np.pi, np.pi, circuit.num_parameters)
    operator = SparsePauliOp.from_list([("ZZ", 0.5), ("XX", -0.3), ("IY", 0.2), ("II", 1.0)])
    inputs = {"pubs": [(circuit, operator, values)], "precision": 0.02, "seed": 1}
    data = service.run(service.upload_program(FOLDER), inputs).result()[0].data

    exact = Statevector(circuit.assign_parameters(values)).expectation_value(operator).real
    # The stated error is at least one standard deviation: a false alarm in 1.7 million seeds.
    assert abs(data.evs - exact) <= 5 * data.stds
    assert 0 < data.stds < 0.03
