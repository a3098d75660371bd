# SPDX-License-Identifier: Apache-2.0
"""The simulators that do the same work: one file each, in the idiom that is best for it.

Each file holds a ``PEER``. A circuit is prepared once, outside the clock; an iteration gets new
values for its parameters and gives a dict of counts, or an exact expectation value. To add a peer,
write its file and name it in ``FILES``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

Row = NDArray[np.float64]
Counts = dict[str, int]
Sample = Callable[[Row], Counts]
Expect = Callable[[Row], float]
SampleMany = Callable[[list[Row]], list[Counts]]


@dataclass(frozen=True)
class Peer:
    """One way to do the work.

    ``sample`` takes a measured circuit and shots, ``expect`` a circuit without measurements and an
    observable, ``sample_many`` a list of measured circuits, where the peer has something better for
    a list than one after another. ``seconds`` is how long it may take in one cell, ``widest`` the
    most qubits that it is asked to sample; a ``note`` stands in the report.
    """

    name: str
    title: str
    precision: str = "complex128"
    seconds: float = 6.0
    widest: int = 24
    note: str = ""
    sample: Callable[[QuantumCircuit, int], Sample] | None = None
    expect: Callable[[QuantumCircuit, SparsePauliOp], Expect] | None = None
    sample_many: Callable[[list[QuantumCircuit], int], SampleMany] | None = None

    def many(self, circuits: list[QuantumCircuit], shots: int) -> SampleMany:
        """Return what samples a list of circuits, each with values of its own."""
        if self.sample_many is not None:
            return self.sample_many(circuits, shots)
        samples = [self.sample(circuit, shots) for circuit in circuits]
        return lambda rows: [sample(row) for sample, row in zip(samples, rows, strict=True)]


FILES = {
    "ours": "qruntime",
    "careful": "careful Aer",
    "naive": "naive Aer",
    "aer_primitives": "Aer primitives",
    "qiskit_reference": "Qiskit's reference primitives",
    "qulacs_peer": "qulacs",
    "lightning": "PennyLane lightning.qubit",
    "qsim": "qsim",
}
"""The files, and the names under which one that is not installed is reported."""


def load() -> tuple[list[Peer], dict[str, str]]:
    """Return the peers that are installed, and for the others why they are not there, by title."""
    found, missing = [], {}
    for file, title in FILES.items():
        try:
            module: Any = importlib.import_module(f"benchmarks.peers.{file}")
        except ImportError as error:
            missing[title] = f"not installed: {error}"
        else:
            found.append(module.PEER)
    return found, missing


def gates(circuit: QuantumCircuit) -> list[tuple[str, list[int], list[int]]]:
    """Return each gate's name, qubits, and the columns of a row that its parameters take."""
    column = {parameter: k for k, parameter in enumerate(circuit.parameters)}
    return [
        (
            item.operation.name,
            [circuit.find_bit(qubit).index for qubit in item.qubits],
            [column[parameter] for parameter in item.operation.params],
        )
        for item in circuit.data
        if item.operation.name not in ("measure", "barrier")
    ]
