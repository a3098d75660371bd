# SPDX-License-Identifier: Apache-2.0
"""One iteration of a hybrid loop: new parameters, 1024 shots, a dict of counts.

Each cell also has the physical limit: one pass over the state for each layer of gates (gates that
act on different qubits at once; the circuit's depth), and for each gate, at the memory speed that
is measured beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

from qiskit import QuantumCircuit

from benchmarks.agreement import check_counts, exact_probabilities
from benchmarks.families import FAMILIES, SHOTS, SIZES, measured
from benchmarks.measure import interleave, looped, memory_seconds, spread
from benchmarks.results import Cell, Spread
from benchmarks.workloads import Bench, fixed_rows, new_rows

NAME = "sampling"
_CHECKED_TWICE = 12


def cells(bench: Bench) -> Iterator[Cell]:
    for family, make in FAMILIES.items():
        for n in SIZES[:2] if bench.quick else SIZES:
            yield _cell(bench, family, make(n))


def _cell(bench: Bench, family: str, circuit: QuantumCircuit) -> Cell:
    width = circuit.num_parameters
    samples = {
        peer.name: peer.sample(measured(circuit), SHOTS)
        for peer in bench.peers
        if circuit.num_qubits <= peer.widest
    }
    for row in fixed_rows(width, 2 if circuit.num_qubits <= _CHECKED_TWICE else 1):
        exact = exact_probabilities(circuit, row)
        for name, sample in samples.items():
            check_counts(name, sample(row), exact)
    bursts = {name: looped(sample, new_rows(width)) for name, sample in samples.items()}
    ways = interleave(bursts, bench.plan, limits=bench.limits)
    return Cell(NAME, family, circuit.num_qubits, ways, _bounds(circuit))


def _bounds(circuit: QuantumCircuit) -> dict[str, Spread]:
    layers, gates = circuit.depth(), circuit.size()
    one_pass = spread([memory_seconds(1 << circuit.num_qubits) * 1e6 for _ in range(3)])
    return {
        "layers": Spread(layers, layers, layers),
        "gates": Spread(gates, gates, gates),
        "bound by layers": one_pass * layers,
        "bound by gates": one_pass * gates,
    }
