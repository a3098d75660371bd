# SPDX-License-Identifier: Apache-2.0
"""A sampled energy: one ansatz on 4 qubits, measured in 28 bases, 1024 shots each.

The Hamiltonian is random with the structure of a molecule's (see ``families.Energy``). Everybody
gets the circuits prepared, new parameters in every iteration, and has to give the energy.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.agreement import check_counts, exact_probabilities
from benchmarks.families import SHOTS, Energy, hea
from benchmarks.measure import interleave, looped
from benchmarks.peers import Row, SampleMany
from benchmarks.results import Cell
from benchmarks.workloads import Bench, fixed_rows, new_rows

NAME = "vqe"


def cells(bench: Bench) -> Iterator[Cell]:
    energy, ansatz = Energy(), hea(4)
    circuits = energy.circuits(ansatz)
    bursts = {}
    slow = () if bench.quick else ("naive",)
    for peer in bench.named("ours", "careful", "aer_v2", "qulacs", *slow):
        run = peer.many(circuits, SHOTS)
        _check(peer.name, run, circuits, ansatz.num_parameters)
        bursts[peer.name] = looped(_iteration(energy, run), new_rows(ansatz.num_parameters))
    yield Cell(NAME, "99 terms, 28 bases", 4, interleave(bursts, bench.plan))


def _iteration(energy: Energy, run: SampleMany):
    def iteration(row: Row) -> float:
        return energy.of(run([row] * len(energy.groups)))

    return iteration


def _check(name: str, run: SampleMany, circuits: list, width: int) -> None:
    row = next(fixed_rows(width))
    for circuit, counts in zip(circuits, run([row] * len(circuits)), strict=True):
        bare = circuit.remove_final_measurements(inplace=False)
        check_counts(name, counts, exact_probabilities(bare, row))
