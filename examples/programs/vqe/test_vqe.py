# SPDX-License-Identifier: Apache-2.0
"""VQE against the eigenvalues of its Hamiltonians."""

from __future__ import annotations

import json
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import Statevector

from qruntime import JobFailedError

FOLDER = Path(__file__).parent
CHEMICAL_ACCURACY = 0.0016  # hartree
H2 = {"II": -0.33240425, "IZ": 0.39793742, "ZI": -0.39793742, "ZZ": -0.01128010, "XX": 0.18093120}
LIH = json.loads((FOLDER / "lih.json").read_text())
PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def matrix(hamiltonian):
    """Return the matrix of Pauli strings; the first letter is the highest qubit, as in Qiskit."""
    return sum(
        coefficient * reduce(np.kron, [PAULI[letter] for letter in label])
        for label, coefficient in hamiltonian.items()
    )


def energy_of(parameters, hamiltonian):
    """Return the exact energy of the default ansatz with these parameters."""
    qubits = len(next(iter(hamiltonian)))
    ansatz = efficient_su2(qubits, ["ry"], entanglement="linear", reps=1)
    state = Statevector(ansatz.assign_parameters(parameters)).data
    return (state.conj() @ matrix(hamiltonian) @ state).real


@pytest.mark.parametrize(
    ("inputs", "hamiltonian", "known"),
    [
        # Full configuration interaction in the same orbitals, by an independent program (PySCF).
        pytest.param({"shots": 10_000, "seed": 42}, H2, -1.137306, id="H2"),
        pytest.param(LIH, LIH["hamiltonian"], -7.876539, id="LiH"),
    ],
)
def test_the_ground_energy_is_found_within_chemical_accuracy(service, inputs, hamiltonian, known):
    result = service.run(service.upload_program(FOLDER), inputs).result()

    ground = np.linalg.eigvalsh(matrix(hamiltonian))[0]
    assert ground == pytest.approx(known, abs=2e-6)
    assert result["exact_energy"] == pytest.approx(ground, abs=1e-9)
    # The state that was found, without shot noise: no lower than the ground state, and near it.
    # Whether it comes so near depends on the start: of 16 other seeds, all did for H2 and 14 for
    # LiH (15 after ten iterations, the last one within 0.0017).
    true_energy = energy_of(result["parameters"], hamiltonian)
    assert -1e-9 < true_energy - ground < CHEMICAL_ACCURACY
    # The energy as measured; the stated error is at least one standard deviation, so a false alarm
    # comes in 1.7 million seeds.
    assert abs(result["energy"] - true_energy) <= 5 * result["standard_error"]
    assert result["error"] == pytest.approx(result["energy"] - ground, abs=1e-9)


def test_every_iteration_is_published(service):
    job = service.run(service.upload_program(FOLDER), {"iterations": 3, "shots": 500, "seed": 1})
    result = job.result()

    published = job.interim_results()
    assert [one["iteration"] for one in published] == [1, 2, 3]
    assert published[-1]["energy"] == result["energy"]
    assert np.array_equal(published[-1]["parameters"], result["parameters"])


def test_an_ansatz_and_a_hamiltonian_of_ones_own_are_used(service):
    ansatz = QuantumCircuit(1)
    ansatz.rx(Parameter("angle"), 0)
    inputs = {"hamiltonian": {"Y": 1.0}, "ansatz": ansatz, "iterations": 1, "seed": 1}
    result = service.run(service.upload_program(FOLDER), inputs).result()

    # <Y> = -sin(angle): one step along the sinusoid finds the minimum at a quarter turn. Three
    # values with errors of 1/sqrt(1024) leave the angle an error of 0.03; five times that is 0.16.
    assert result["exact_energy"] == pytest.approx(-1)
    assert result["parameters"][0] == pytest.approx(np.pi / 2, abs=0.16)


def test_an_ansatz_without_sinusoids_is_refused(service):
    angle = Parameter("angle")
    ansatz = QuantumCircuit(2)
    ansatz.ry(angle, [0, 1])
    with pytest.raises(JobFailedError, match="exactly one rotation"):
        service.run(service.upload_program(FOLDER), {"ansatz": ansatz}).result()
