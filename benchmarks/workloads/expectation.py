# SPDX-License-Identifier: Apache-2.0
"""Exact expectation values of an Ising chain, with new parameters in every iteration."""

from __future__ import annotations

from collections.abc import Iterator

from qiskit import QuantumCircuit

from benchmarks.agreement import check_expectation
from benchmarks.families import hea, observable, qaoa
from benchmarks.measure import interleave, looped
from benchmarks.results import Cell
from benchmarks.workloads import Bench, fixed_rows, new_rows

NAME = "expectation"


def cells(bench: Bench) -> Iterator[Cell]:
    for make in (hea, qaoa):
        for n in (4,) if bench.quick else (4, 8, 12):
            yield _cell(bench, make.__name__, make(n))


def _cell(bench: Bench, family: str, circuit: QuantumCircuit) -> Cell:
    width, paulis = circuit.num_parameters, observable(circuit.num_qubits)
    rows = list(fixed_rows(width))
    bursts = {}
    for peer in bench.peers:
        expect = peer.expect(circuit, paulis)
        check_expectation(peer.name, expect, circuit, paulis, rows, peer.precision)
        bursts[peer.name] = looped(expect, new_rows(width))
    ways = interleave(bursts, bench.plan, limits=bench.limits)
    return Cell(NAME, family, circuit.num_qubits, ways)
