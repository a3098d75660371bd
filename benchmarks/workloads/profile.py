# SPDX-License-Identifier: Apache-2.0
"""Where one iteration spends its time: each stage is the whole path up to it, less the one before.

Binding and simulating are one compiled call and so one stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from qiskit import QuantumCircuit

from benchmarks.families import SHOTS, hea, measured
from benchmarks.measure import interleave, looped
from benchmarks.peers import Row
from benchmarks.results import Cell, Spread
from benchmarks.workloads import Bench, new_rows
from qruntime import AerBackend
from qruntime.execution import StatevectorProgram

NAME = "profile"


def cells(bench: Bench) -> Iterator[Cell]:
    for n in (4,) if bench.quick else (4, 12, 20):
        circuit = measured(hea(n))
        paths = _paths(circuit)
        rows = new_rows(circuit.num_parameters)
        bursts = {name: looped(path, rows) for name, path in paths.items()}
        ways = interleave(bursts, bench.plan, base="counts to a dict")
        facts, before = {}, 0.0
        for name, way in ways.items():
            added = max(0.0, way.microseconds.middle - before)
            facts[name] = Spread(added, added, added)
            before = max(before, way.microseconds.middle)
        yield Cell(NAME, "hea", n, ways, facts)


def _paths(circuit: QuantumCircuit) -> dict[str, Callable[[Row], Any]]:
    program = StatevectorProgram.compile(circuit)
    template = AerBackend().compile(circuit)
    return {
        "bind and simulate": lambda row: program.sample(row, 1),
        "draw the shots": lambda row: program.sample(row, SHOTS),
        "checks and job": lambda row: template.run(row, shots=SHOTS),
        "result": lambda row: template.run(row, shots=SHOTS).result(),
        "counts to a dict": lambda row: template.run(row, shots=SHOTS).result().get_counts(),
    }
