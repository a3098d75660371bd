# SPDX-License-Identifier: Apache-2.0
"""User code that nobody changed: ``transpile`` and ``backend.run`` in the loop.

The same file, ``programs/user_loop.py``, is run as a program on our runtime and called as a plain
function with ``AerSimulator()``. It times its own loop: starting a job is not part of it. The
careful user is beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from benchmarks.agreement import check_counts, exact_probabilities
from benchmarks.families import FAMILIES, SHOTS, SIZES, measured
from benchmarks.measure import Burst, interleave, looped
from benchmarks.programs import user_loop
from benchmarks.results import Cell
from benchmarks.workloads import Bench, fixed_rows, new_rows
from qruntime import RuntimeService

NAME = "user code"
_LIMITS = {"naive": 2.0, "careful": 4.0}

Main = Callable[[QuantumCircuit, list[np.ndarray]], Any]


def cells(bench: Bench) -> Iterator[Cell]:
    with RuntimeService() as service:
        program = service.upload_program(Path(user_loop.__file__), name="user_loop")

        def in_runtime(circuit: QuantumCircuit, values: list[np.ndarray]) -> Any:
            inputs = {"circuit": circuit, "values": values, "shots": SHOTS}
            return service.run(program, inputs).result()

        for family in ("hea", "qaoa"):
            for n in SIZES[:1] if bench.quick else SIZES:
                yield _cell(bench, family, FAMILIES[family](n), in_runtime)


def _plain(circuit: QuantumCircuit, values: list[np.ndarray]) -> Any:
    simulator = AerSimulator(max_parallel_threads=1)
    return user_loop.main(simulator, None, circuit=circuit, values=values, shots=SHOTS)


def _cell(bench: Bench, family: str, circuit: QuantumCircuit, in_runtime: Main) -> Cell:
    width, program_circuit = circuit.num_parameters, measured(circuit)
    mains: dict[str, Main] = {"ours": in_runtime, "naive": _plain}
    for row in fixed_rows(width):
        exact = exact_probabilities(circuit, row)
        for name, main in mains.items():
            check_counts(name, main(program_circuit, [row])["counts"], exact)
    bursts = {name: _burst(main, program_circuit) for name, main in mains.items()}
    (careful,) = bench.named("careful")
    bursts["careful"] = looped(careful.sample(program_circuit, SHOTS), new_rows(width))
    ways = interleave(bursts, bench.plan, limits=_LIMITS)
    return Cell(NAME, family, circuit.num_qubits, ways)


def _burst(main: Main, circuit: QuantumCircuit) -> Burst:
    rows = new_rows(circuit.num_parameters)
    return lambda repeats: main(circuit, [rows() for _ in range(repeats)])["seconds"]
