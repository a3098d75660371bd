# SPDX-License-Identifier: Apache-2.0
"""Before anything is timed: does everybody compute the same thing?"""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector
from scipy.stats import chisquare

from benchmarks.peers import Counts, Expect, Row

_BINS = 16
_LEAST_P = 1e-6
_TOLERANCE = {"complex128": 1e-6, "complex64": 1e-4}
_REFERENCE_QUBITS = 12


class DisagreementError(Exception):
    """Somebody measures different work."""


def exact_probabilities(circuit: QuantumCircuit, row: Row) -> np.ndarray:
    """Return the probabilities of all outcomes: by Qiskit, beyond 12 qubits by Aer."""
    bound = circuit.assign_parameters(row)
    if circuit.num_qubits <= _REFERENCE_QUBITS:
        return Statevector(bound).probabilities()
    from qiskit_aer import AerSimulator

    bound.save_statevector()
    simulator = AerSimulator(method="statevector", max_parallel_threads=1)
    return np.abs(np.asarray(simulator.run(bound, shots=1).result().get_statevector())) ** 2


def check_counts(name: str, counts: Counts, probabilities: np.ndarray) -> None:
    """Compare counts with exact probabilities by a chi-squared test.

    Outcomes are put together by rank into bins of equal probability, so that wide circuits can be
    tested; outcomes in another order of bits fall into other bins.

    Raises:
        DisagreementError: they have another distribution.
    """
    order = np.argsort(-probabilities)
    edges = np.searchsorted(np.cumsum(probabilities[order]), np.arange(1, _BINS) / _BINS)
    bins = np.empty(len(order), dtype=np.int64)
    bins[order] = np.searchsorted(edges, np.arange(len(order)))
    seen = np.zeros(_BINS)
    for key, number in counts.items():
        seen[bins[int(key, 2)]] += number
    expected = np.bincount(bins, probabilities, _BINS) * seen.sum()
    rare = expected <= 1
    if seen[rare].sum() > 10 * (1 + expected[rare].sum()):
        raise DisagreementError(f"{name}: outcomes that hardly occur")
    seen, expected = seen[~rare], expected[~rare]
    _, p = chisquare(seen, expected * seen.sum() / expected.sum())
    if p < _LEAST_P:
        raise DisagreementError(f"{name} samples another distribution: p = {p:.1g}")


def check_expectation(
    name: str,
    expect: Expect,
    circuit: QuantumCircuit,
    observable: SparsePauliOp,
    rows: list[Row],
    precision: str,
) -> None:
    """Compare expectation values with exact ones.

    Raises:
        DisagreementError: one is off.
    """
    for row in rows:
        exact = Statevector(circuit.assign_parameters(row)).expectation_value(observable).real
        if abs(expect(row) - exact) > _TOLERANCE[precision]:
            raise DisagreementError(f"{name} gives {expect(row)}, not {exact}")
