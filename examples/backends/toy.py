# SPDX-License-Identifier: Apache-2.0
"""A device of one's own: two qubits, simulated. Put your own hardware behind ``measure``."""

from __future__ import annotations

import copy
import time
from collections import Counter

import numpy as np
from qiskit.primitives import StatevectorSampler
from qiskit.providers import Options
from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData

from qruntime import (
    BackendConfiguration,
    ExecutionTimeoutError,
    FinishedJob,
    GateConfig,
    ProgramBackend,
)

TOY = BackendConfiguration(
    backend_name="toy",
    backend_version="1.0",
    n_qubits=2,
    basis_gates=["rz", "sx", "cx"],
    gates=[
        GateConfig("rz", ["angle"], "gate rz(angle) q { U(0, 0, angle) q; }", [[0], [1]]),
        GateConfig("sx", [], "gate sx q { U(pi/2, 3*pi/2, pi/2) q; }", [[0], [1]]),
        GateConfig("cx", [], "gate cx q, p { CX q, p; }", [[0, 1]]),
    ],
    coupling_map=[[0, 1]],
    max_shots=100_000,
    local=True,
    simulator=True,
    conditional=False,
    open_pulse=False,
    memory=True,
)


class ToyDevice(ProgramBackend):
    """Two qubits that never err."""

    def __init__(self, configuration=TOY, provider=None, **fields):
        super().__init__(configuration, provider, **fields)

    @classmethod
    def _default_options(cls):
        options = Options(shots=1024, seed_simulator=None, memory=False)
        options.set_validator("shots", (1, TOY.max_shots))
        return options

    def run(self, circuits, timeout=None, **run_config):
        for name in run_config:
            if name not in self.options:
                raise AttributeError(f"toy has no option '{name}'")
        options = copy.copy(self.options)
        options.update_options(**run_config)
        rng = np.random.default_rng(options.seed_simulator)
        ends = time.monotonic() + (float("inf") if timeout is None else timeout)
        results = []
        for circuit in circuits if isinstance(circuits, list) else [circuits]:
            results.append(measure(circuit, options.shots, options.memory, rng))
            if time.monotonic() > ends:
                raise ExecutionTimeoutError(f"toy did not finish within {timeout} s")
        return FinishedJob(self, Result(backend_name="toy", success=True, results=results))


def measure(circuit, shots, memory, rng):
    """Return what ``shots`` measurements of a circuit give, as hexadecimal numbers."""
    sampled = StatevectorSampler(seed=rng).run([circuit], shots=shots).result()[0]
    outcomes = [hex(int(bits, 2)) for bits in sampled.join_data().get_bitstrings()]
    data = ExperimentResultData(counts=Counter(outcomes), memory=outcomes if memory else [])
    header = {
        "name": circuit.name,
        "creg_sizes": [[register.name, register.size] for register in circuit.cregs],
        "memory_slots": circuit.num_clbits,
        "metadata": circuit.metadata,
    }
    return ExperimentResult(shots, success=True, data=data, header=header)
