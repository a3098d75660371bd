# SPDX-License-Identifier: Apache-2.0
"""The toy device: what a class with ``_default_options`` and ``run`` can do."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.quantum_info import Statevector

from qruntime import ExecutionTimeoutError, RuntimeService

EXAMPLES = Path(__file__).parent.parent
FILE = EXAMPLES / "backends" / "toy.py"
ToyDevice = runpy.run_path(str(FILE))["ToyDevice"]


def swapped():
    """Return a circuit that the device cannot run as it stands: its gates, and CNOT's direction."""
    circuit = QuantumCircuit(2)
    circuit.ry(1.0, 1)
    circuit.cx(1, 0)
    circuit.h(0)
    circuit.measure_all()
    return circuit


def test_qiskit_transpiles_for_it():
    circuit = transpile(swapped(), ToyDevice())

    assert set(circuit.count_ops()) <= {"rz", "sx", "cx", "measure", "barrier"}
    places = [
        tuple(circuit.find_bit(qubit).index for qubit in step.qubits)
        for step in circuit.data
        if step.operation.name == "cx"
    ]
    assert set(places) == {(0, 1)}


def test_counts_have_their_exact_probabilities():
    device, shots = ToyDevice(), 4000
    job = device.run(transpile(swapped(), device), shots=shots, seed_simulator=1)

    exact = Statevector(swapped().remove_final_measurements(inplace=False)).probabilities_dict()
    for bits, p in exact.items():
        # 5 standard deviations of a binomial count: a false alarm in 400,000 seeds (4 outcomes).
        allowed = 5 * np.sqrt(shots * p * (1 - p))
        assert job.result().get_counts().get(bits, 0) == pytest.approx(shots * p, abs=allowed)


def test_shots_and_seed_are_honoured():
    device = ToyDevice(shots=300)
    circuit = transpile(swapped(), device)

    first, again, other = (
        device.run(circuit, seed_simulator=seed).result().get_counts() for seed in (1, 1, 2)
    )
    assert sum(first.values()) == 300
    assert first == again
    assert first != other


@pytest.mark.parametrize("options", [{"shot": 10}, {"shots": 0}, {"shots": 10**9}])
def test_options_that_cannot_be_honoured_are_refused(options):
    with pytest.raises((AttributeError, ValueError), match="shot"):
        ToyDevice().run(swapped(), **options)


def test_after_the_timeout_there_is_no_result():
    with pytest.raises(ExecutionTimeoutError):
        ToyDevice().run(swapped(), timeout=0)


def test_the_sampler_keeps_registers_apart():
    left, right = ClassicalRegister(2, "left"), ClassicalRegister(1, "right")
    circuit = QuantumCircuit(QuantumRegister(2), left, right)
    circuit.x([0, 1])
    circuit.measure([0, 1], [left[1], right[0]])
    device = ToyDevice()
    sampler = BackendSamplerV2(backend=device)
    data = sampler.run([transpile(circuit, device)], shots=10).result()[0].data

    assert data.left.get_counts() == {"10": 10}
    assert data.right.get_counts() == {"1": 10}


def test_the_estimator_gives_exact_values():
    device = ToyDevice()
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    estimator = BackendEstimatorV2(backend=device)
    values = estimator.run([(transpile(bell, device), ["ZZ", "XX", "YY"])]).result()[0].data.evs

    assert values == pytest.approx([1, 1, -1])


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("hello-world", {"iterations": 2}),
        ("sampler", {"pubs": [swapped()]}),
        ("vqe", {"iterations": 1, "shots": 100}),
    ],
)
def test_runtime_programs_run_on_it(name, inputs):
    with RuntimeService(backends={"toy": ToyDevice}) as service:
        program_id = service.upload_program(EXAMPLES / "programs" / name)
        job = service.run(program_id, inputs, {"backend": "toy"})

        assert job.result()
        assert job.backend_name == "toy"


def test_the_command_line_takes_it_by_file_and_class():
    command = [sys.executable, "-m", "qruntime.cli", "run", EXAMPLES / "programs" / "hello-world"]
    done = subprocess.run(
        [*command, "--backend", f"{FILE}:ToyDevice", "--shots", "50", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Hello, World!" in done.stdout.splitlines()[-1]
