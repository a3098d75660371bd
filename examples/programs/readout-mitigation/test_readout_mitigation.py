# SPDX-License-Identifier: Apache-2.0
"""Readout mitigation against exact expectation values, on a simulator with readout errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Pauli, Statevector
from scipy.stats import chi2

from qruntime import AerBackend

FOLDER = Path(__file__).parent
ERRORS = [(0.03, 0.08), (0.02, 0.06), (0.05, 0.10)]  # of each qubit: 1 for 0, 0 for 1
OBSERVABLES = ["IIZ", "ZZI", "ZZZ", "XXX", "YIZ"]


def noisy():
    from qiskit_aer.noise import NoiseModel, ReadoutError

    model = NoiseModel()
    for qubit, (p10, p01) in enumerate(ERRORS):
        model.add_readout_error(ReadoutError([[1 - p10, p10], [p01, 1 - p01]]), [qubit])
    return AerBackend(noise_model=model)


def state():
    circuit = QuantumCircuit(3)
    circuit.ry(0.7, 0)
    circuit.cx(0, 1)
    circuit.ry(0.4, 1)
    circuit.cx(1, 2)
    circuit.rx(0.3, 2)
    return circuit


EXACT = {label: Statevector(state()).expectation_value(Pauli(label)).real for label in OBSERVABLES}


@pytest.fixture
def run(service):
    program_id = service.upload_program(FOLDER)

    def start(backend, seed, observables=OBSERVABLES, shots=10_000, calibration_shots=10_000):
        inputs = {
            "circuit": state(),
            "observables": observables,
            "shots": shots,
            "calibration_shots": calibration_shots,
            "seed": seed,
        }
        return service.run(program_id, inputs, {"backend": backend})

    return start


def test_mitigated_values_are_exact_within_their_stated_errors(run):
    values = run(noisy(), seed=1).result()["values"]

    for label, exact in EXACT.items():
        value = values[label]
        # 5 standard deviations: a false alarm in 300,000 seeds (5 observables).
        assert abs(value["mitigated"] - exact) <= 5 * value["standard_error"]
        assert value["standard_error"] < 0.02


def test_mitigation_brings_values_that_are_off_nearer(run):
    values = run(noisy(), seed=1).result()["values"]

    off = [
        label
        for label, exact in EXACT.items()
        if abs(values[label]["raw"] - exact) > 5 * values[label]["raw_standard_error"]
    ]
    assert {"ZZI", "ZZZ", "XXX"} <= set(off)
    for label in off:
        value = values[label]
        assert abs(value["mitigated"] - EXACT[label]) < abs(value["raw"] - EXACT[label])


@pytest.mark.parametrize(
    ("shots", "calibration_shots"),
    [pytest.param(500, 4000, id="of-shots"), pytest.param(4000, 100, id="of-calibration")],
)
def test_the_stated_error_is_the_spread_of_the_values(run, shots, calibration_shots):
    backend, runs = noisy(), 20
    values = [
        run(backend, seed, ["ZZZ"], shots, calibration_shots).result()["values"]["ZZZ"]
        for seed in range(runs)
    ]

    pulls = sum(
        ((value["mitigated"] - EXACT["ZZZ"]) / value["standard_error"]) ** 2 for value in values
    )
    # The sum of squares of normal deviates; a false alarm in 5,000 choices of the seeds.
    assert chi2.ppf(1e-4, runs) < pulls < chi2.ppf(1 - 1e-4, runs)


def test_the_calibration_finds_the_errors_of_each_qubit(run):
    job = run(noisy(), seed=1)
    job.result()

    [found] = job.interim_results()
    assert found["qubits"] == [0, 1, 2]
    for (p10, p01), measured10, measured01 in zip(ERRORS, found["p10"], found["p01"], strict=True):
        # 5 standard deviations of a binomial share: a false alarm in 300,000 seeds (6 shares).
        assert measured10 == pytest.approx(p10, abs=5 * (p10 * (1 - p10) / 10_000) ** 0.5)
        assert measured01 == pytest.approx(p01, abs=5 * (p01 * (1 - p01) / 10_000) ** 0.5)


def test_without_readout_errors_nothing_changes(run):
    values = run(AerBackend(), seed=1).result()["values"]

    for value in values.values():
        assert value["mitigated"] == pytest.approx(value["raw"])
        assert value["standard_error"] == pytest.approx(value["raw_standard_error"])
