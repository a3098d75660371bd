# SPDX-License-Identifier: Apache-2.0
"""The circuit runner against the exact probabilities of its circuits."""

from __future__ import annotations

from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector
from scipy.stats import chisquare

FOLDER = Path(__file__).parent
SHOTS = 4000
BELL = {
    2: """
        OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2];
        h q[0]; cx q[0], q[1]; measure q -> c;
    """,
    3: """
        OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c;
        h q[0]; cx q[0], q[1]; c = measure q;
    """,
}


def p_value(counts, circuit):
    """Return how likely counts as odd as these are; rare outcomes are taken together."""
    probabilities = Statevector(circuit).probabilities_dict()
    impossible = [bits for bits in counts if probabilities.get(bits, 0) < 1e-12]
    if impossible:
        return 0.0
    common = {bits: p for bits, p in probabilities.items() if p * SHOTS >= 5}
    expected = [p * SHOTS for p in common.values()]
    observed = [counts.get(bits, 0) for bits in common]
    if SHOTS - sum(expected) > 1:
        expected.append(SHOTS - sum(expected))
        observed.append(SHOTS - sum(observed))
    return chisquare(observed, expected, sum_check=False).pvalue if len(common) > 1 else 1.0


@pytest.mark.parametrize("level", [0, 1, 3])
def test_random_circuits_have_their_exact_probabilities(service, level):
    circuits = [random_circuit(4, 5, seed=seed) for seed in range(4)]
    inputs = {
        "circuits": [circuit.measure_all(inplace=False) for circuit in circuits],
        "shots": SHOTS,
        "seed": 1,
        "transpile_options": {"optimization_level": level},
    }
    result = service.run(service.upload_program(FOLDER), inputs).result()

    for circuit, counts in zip(circuits, result["counts"], strict=True):
        assert sum(counts.values()) == SHOTS
        # A false alarm in 80,000 seeds (12 circuits at 1e-6).
        assert p_value(counts, circuit) > 1e-6


@pytest.mark.parametrize("version", [2, 3])
def test_openqasm_is_run(service, version):
    if version == 3:
        pytest.importorskip("qiskit_qasm3_import")
    result = service.run(service.upload_program(FOLDER), {"circuits": BELL[version]}).result()

    assert set(result["counts"][0]) == {"00", "11"}


def test_transpile_options_reach_the_transpiler(service):
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.h(0)
    circuit.measure_all()
    program_id = service.upload_program(FOLDER)
    gates = []
    for level in (0, 3):
        inputs = {"circuits": circuit, "transpile_options": {"optimization_level": level}}
        job = service.run(program_id, inputs)
        gates.append(job.result()["circuits"][0]["gates"].get("h", 0))
        assert job.interim_results() == [{"transpiled": job.result()["circuits"]}]

    assert gates == [2, 0]
