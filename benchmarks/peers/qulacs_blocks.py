# SPDX-License-Identifier: Apache-2.0
"""Two-qubit blocks for qulacs: the seven gates of each multiplied in NumPy, all blocks at once.

qulacs has no parametric gate for a general two-qubit unitary; one dense matrix a block is faster
for it than fifteen rotations, except on the smallest circuits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from benchmarks.peers import Row

Gates = list[tuple[str, list[int], list[int]]]
Matrices = NDArray[np.complex128]

_BLOCK = ("u", "u", "rxx", "ryy", "rzz", "u", "u")
_PAULIS = (
    np.array([[0, 1], [1, 0]], dtype=complex),
    np.array([[0, -1j], [1j, 0]]),
    np.diag([1.0 + 0j, -1.0]),
)
_TWICE = [np.kron(pauli, pauli) for pauli in _PAULIS]


def are_blocks(gates: Gates) -> bool:
    """Whether a circuit is made of nothing but such blocks."""
    names = tuple(name for name, _, _ in gates)
    return bool(names) and names == _BLOCK * (len(names) // len(_BLOCK))


def evolution(n: int, gates: Gates) -> Callable[[Row], Any]:
    """Return what takes parameters to the final state."""
    blocks = [gates[start : start + len(_BLOCK)] for start in range(0, len(gates), len(_BLOCK))]
    columns = np.array([[slot for gate in block for slot in gate[2]] for block in blocks])
    pairs = [block[2][1] for block in blocks]
    state = qulacs.QuantumState(n)

    def evolve(row: Row) -> Any:
        program = qulacs.QuantumCircuit(n)
        for pair, matrix in zip(pairs, _unitaries(row[columns].T), strict=True):
            program.add_dense_matrix_gate(pair, matrix)
        state.set_zero_state()
        program.update_quantum_state(state)
        return state

    return evolve


def _unitaries(values: NDArray[np.float64]) -> Matrices:
    found = _both(_general(*values[3:6]), _general(*values[0:3]))
    for angles, pauli in zip(values[6:9], _TWICE, strict=True):
        half = angles[:, None, None] / 2
        found = (np.cos(half) * np.eye(4) - 1j * np.sin(half) * pauli) @ found
    return _both(_general(*values[12:15]), _general(*values[9:12])) @ found


def _general(
    theta: NDArray[np.float64], phi: NDArray[np.float64], lam: NDArray[np.float64]
) -> Matrices:
    out = np.empty((len(theta), 2, 2), dtype=complex)
    cos, sin = np.cos(theta / 2), np.sin(theta / 2)
    out[:, 0, 0], out[:, 0, 1] = cos, -np.exp(1j * lam) * sin
    out[:, 1, 0], out[:, 1, 1] = np.exp(1j * phi) * sin, np.exp(1j * (phi + lam)) * cos
    return out


def _both(second: Matrices, first: Matrices) -> Matrices:
    return np.einsum("kij,klm->kiljm", second, first).reshape(-1, 4, 4)
