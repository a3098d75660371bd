# SPDX-License-Identifier: Apache-2.0
"""Iterative phase estimation against phases that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from scipy.stats import chisquare

from qruntime import AerBackend, InvalidInputError

FOLDER = Path(__file__).parent


@pytest.mark.parametrize(("phase", "bits"), [(0, 3), (0.5, 1), (11 / 16, 4), (37 / 64, 6)])
def test_a_phase_that_has_so_many_bits_is_found_in_every_shot(service, phase, bits):
    inputs = {"phase": phase, "bits": bits, "shots": 200, "seed": 1}
    result = service.run(service.upload_program(FOLDER), inputs).result()

    assert result["phase"] == phase
    assert result["share"] == 1


def test_a_phase_between_has_the_exact_distribution(service):
    phase, bits, shots = 0.3, 4, 4000
    inputs = {"phase": phase, "bits": bits, "shots": shots, "seed": 1}
    result = service.run(service.upload_program(FOLDER), inputs).result()

    size = 2**bits
    away = np.pi * (phase - np.arange(size) / size)
    probabilities = (np.sin(size * away) / (size * np.sin(away))) ** 2
    counts = [result["counts"].get(f"{reading:0{bits}b}", 0) for reading in range(size)]
    assert result["phase"] == np.argmax(probabilities) / size
    # Each expected count is above 10. A false alarm in a million seeds.
    assert chisquare(counts, shots * probabilities).pvalue > 1e-6


def test_a_unitary_of_ones_own_is_estimated(service):
    unitary, eigenstate = QuantumCircuit(2), QuantumCircuit(2)
    unitary.swap(0, 1)  # the singlet's eigenvalue is -1, half a turn
    unitary.t(0)
    unitary.t(1)  # and on one excitation, an eighth of a turn
    eigenstate.x([0, 1])
    eigenstate.h(0)
    eigenstate.cx(0, 1)
    inputs = {"unitary": unitary, "eigenstate": eigenstate, "bits": 3, "shots": 200, "seed": 1}
    result = service.run(service.upload_program(FOLDER), inputs).result()

    assert (result["phase"], result["share"]) == (5 / 8, 1)


def test_the_circuit_feeds_forward_on_two_qubits(service):
    job = service.run(service.upload_program(FOLDER), {"bits": 4, "seed": 1})
    job.result()

    gates = job.interim_results()[0]["gates"]
    assert gates["measure"] == 4
    assert gates["if_else"] == 1 + 2 + 3


def test_a_backend_without_conditional_gates_is_refused(service):
    backend = AerBackend()
    backend.configuration().conditional = False
    program_id = service.upload_program(FOLDER)
    with pytest.raises(InvalidInputError, match="conditional"):
        service.run(program_id, options={"backend": backend}).result()
