# SPDX-License-Identifier: Apache-2.0
"""How long ``transpile`` takes: naive, careful, with a prebuilt pass manager, and served.

All variants alternate in one process on the same circuits, in bursts of up to ten; each circuit has
new angles (hea, qaoa) or new matrices (qv). ``qv again`` asks for the same circuits again. Medians
are in microseconds; ratios are medians of the ratios in each round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import qiskit
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2, quantum_volume
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import CouplingMap
from qiskit_aer import AerSimulator

from qruntime.execution.transpilation import TranspileCache

VARIANTS = ("naive", "careful", "prebuilt", "served")
SECONDS_A_CELL = 1.2
BURST, BURST_SECONDS = 10, 0.01
SEED = 7


def hea(width: int) -> Iterator[QuantumCircuit]:
    template = efficient_su2(width, reps=3, entanglement="linear")
    template.measure_all()
    generator = np.random.default_rng(1)
    while True:
        yield template.assign_parameters(generator.uniform(-3, 3, template.num_parameters))


def qaoa(width: int) -> Iterator[QuantumCircuit]:
    generator = np.random.default_rng(2)
    edges = sorted({(place, (place + step) % width) for place in range(width) for step in (1, 2)})
    edges = [(low, high) for low, high in edges if low != high]
    while True:
        circuit = QuantumCircuit(width)
        circuit.h(range(width))
        for gamma, beta in generator.uniform(0.1, 1.4, (2, 2)):
            for low, high in edges:
                circuit.rzz(float(gamma), low, high)
            circuit.rx(float(beta), range(width))
        circuit.measure_all()
        yield circuit


def qv(width: int) -> Iterator[QuantumCircuit]:
    for seed in count():
        circuit = quantum_volume(width, seed=seed)
        circuit.measure_all()
        yield circuit


def qv_again(width: int) -> Iterator[QuantumCircuit]:
    circuit = next(qv(width))
    while True:
        yield circuit.copy()


FAMILIES = {"hea": hea, "qaoa": qaoa, "qv": qv, "qv again": qv_again}


def backends() -> dict[str, Any]:
    line = CouplingMap.from_line(5)
    heavy = CouplingMap.from_heavy_hex(7)
    return {
        "aer_simulator": AerSimulator(),
        "line of 5": GenericBackendV2(5, ["cx", "rz", "sx", "x"], coupling_map=line, seed=1),
        "heavy-hex of 115": GenericBackendV2(
            heavy.size(), ["ecr", "rz", "sx", "x"], coupling_map=heavy, seed=1
        ),
    }


def variants(backend: Any, level: int) -> dict[str, Callable[[QuantumCircuit], Any]]:
    options = {"optimization_level": level, "seed_transpiler": SEED}
    target = backend.target
    manager = qiskit.generate_preset_pass_manager(level, target=target, seed_transpiler=SEED)
    cache = TranspileCache()
    return {
        "naive": lambda circuit: qiskit.transpile(circuit, backend, **options),
        "careful": lambda circuit: qiskit.transpile(circuit, target=target, **options),
        "prebuilt": manager.run,
        "served": lambda circuit: cache.transpile(circuit, backend, **options),
    }


def timed(call: Callable[[QuantumCircuit], Any], circuits: list[QuantumCircuit]) -> float:
    """The time a circuit takes when several follow each other, as in a loop, or alone if slow."""
    given = [circuit.copy() for circuit in circuits]
    begin = time.perf_counter()
    calls, spent = 0, 0.0
    while calls < len(given) and spent < BURST_SECONDS:
        call(given[calls])
        calls += 1
        spent = time.perf_counter() - begin
    return spent / calls * 1e6


def measure(
    circuits: Iterator[QuantumCircuit], calls: dict[str, Callable[[QuantumCircuit], Any]]
) -> dict[str, list[float]]:
    for _ in range(3):
        circuit = next(circuits)
        for call in calls.values():
            call(circuit.copy())
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + SECONDS_A_CELL
    while len(times["served"]) < 5 or (time.perf_counter() < end and len(times["served"]) < 51):
        burst = [next(circuits) for _ in range(BURST)]
        for name, call in calls.items():
            times[name].append(timed(call, burst))
    return times


def row(times: dict[str, list[float]]) -> dict[str, float]:
    found = {name: statistics.median(values) for name, values in times.items()}
    for name in VARIANTS[:-1]:
        ratios = [theirs / ours for theirs, ours in zip(times[name], times["served"], strict=True)]
        found[f"x {name}"] = statistics.median(ratios)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 8, 12, 20])
    parser.add_argument("--levels", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    asked = parser.parse_args()
    columns = (*VARIANTS, *(f"x {name}" for name in VARIANTS[:-1]))
    print(f"{'':42}", *(f"{name:>11}" for name in columns))
    rows = []
    for place, backend in backends().items():
        for level in asked.levels:
            calls = variants(backend, level)
            for family, make in FAMILIES.items():
                for width in asked.sizes:
                    if width > backend.num_qubits:
                        continue
                    found = row(measure(make(width), calls))
                    rows.append({"backend": place, "level": level, "family": family, "n": width})
                    rows[-1].update(found)
                    title = f"{place}, level {level}, {family}, n={width}"
                    print(f"{title:42}", *(f"{found[name]:11.1f}" for name in columns), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"qiskit": qiskit.__version__, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
