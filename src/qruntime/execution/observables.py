# SPDX-License-Identifier: Apache-2.0
"""Observables as arrays: different Pauli strings once, grouped by their X part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.quantum_info import Pauli, PauliList, SparseObservable, SparsePauliOp

from qruntime.errors import InvalidInputError
from qruntime.execution.layout import EXPECTATION, FOLD_BITS

_INSIDE = np.int64((1 << FOLD_BITS) - 1)
_SIGNS = np.array([1.0, 1.0, -1.0, -1.0])


@dataclass(frozen=True)
class PauliSums:
    """M Hermitian sums of Pauli strings on the same qubits, ready to be evaluated often.

    ``plan`` is what ``expectation.expectations`` reads: the number of groups, the groups, and the
    masks of the strings. ``weights`` has one row a sum and one column a string.
    """

    num_qubits: int
    plan: NDArray[np.int64]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, observables: Any) -> PauliSums:
        """Take one observable or several: SparsePauliOp, Pauli, PauliList members, or labels.

        Raises:
            InvalidInputError: one is of another type, not Hermitian, or of another width.
        """
        if isinstance(observables, cls):
            return observables
        single = isinstance(observables, (str, Pauli, SparsePauliOp))
        several: Iterable[Any] = [observables] if single else observables
        sums = [pauli_sum(one) for one in several]
        return _grouped(sums, common_width(sums))


def pauli_sum(observable: Any) -> SparsePauliOp:
    """Return an observable as a Hermitian sum of Pauli strings.

    Raises:
        InvalidInputError: it is of another type, or not Hermitian.
    """
    if isinstance(observable, SparsePauliOp):
        found = observable
    elif isinstance(observable, (str, Pauli)):
        found = SparsePauliOp(observable)
    elif isinstance(observable, SparseObservable):
        found = SparsePauliOp.from_sparse_observable(observable)
    else:
        kind = type(observable).__name__
        raise InvalidInputError(
            f"an observable cannot be a {kind}; allowed: SparsePauliOp, SparseObservable, Pauli,"
            " a label like 'XIZ'"
        )
    try:
        coefficients = np.asarray(found.coeffs, dtype=np.complex128)
    except TypeError as error:
        raise InvalidInputError("an observable has coefficients without a value") from error
    if np.any(np.abs(coefficients.imag) > 1e-10 * (1 + np.abs(coefficients.real))):
        raise InvalidInputError("an observable is not Hermitian: it has complex coefficients")
    return found


def common_width(sums: Iterable[SparsePauliOp]) -> int:
    """Return the number of qubits of observables.

    Raises:
        InvalidInputError: it is not the same for all, or there are none.
    """
    widths = {one.num_qubits for one in sums}
    if len(widths) != 1:
        raise InvalidInputError(f"observables must be on the same qubits, not {sorted(widths)}")
    return int(widths.pop())


def _masks(parts: NDArray[np.bool_]) -> NDArray[np.int64]:
    powers = np.int64(1) << np.arange(parts.shape[1], dtype=np.int64)
    masks: NDArray[np.int64] = parts.astype(np.int64) @ powers
    return masks


def _without(mask: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return masks with the bit at a place taken out and the upper bits moved down."""
    low = (np.int64(1) << place) - 1
    return (mask & low) | ((mask >> (place + 1)) << place)


def _grouped(sums: list[SparsePauliOp], width: int) -> PauliSums:
    paulis: PauliList = PauliList.from_symplectic(
        np.vstack([s.paulis.z for s in sums]),
        np.vstack([s.paulis.x for s in sums]),
    )
    x, z = _masks(paulis.x), _masks(paulis.z)
    coefficients = np.concatenate([np.real(s.coeffs) for s in sums]).astype(np.float64)
    owner = np.repeat(np.arange(len(sums)), [len(s) for s in sums])
    letters_y = np.sum(paulis.x & paulis.z, axis=1)
    signs = _SIGNS[letters_y % 4]
    top = np.array([max(int(value).bit_length() - 1, 0) for value in x], dtype=np.int64)
    left = np.where(x == 0, z, _without(z, top))
    columns = [x, letters_y % 2, left & _INSIDE, left & ~_INSIDE]
    different, inverse = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    weights = np.zeros((len(sums), len(different)))
    np.add.at(weights, (owner, inverse.ravel()), coefficients * signs)
    heads, begins = np.unique(different[:, :2], axis=0, return_index=True)
    ends = [*begins[1:].tolist(), len(different)]
    groups = [
        (x_part, odd, begin, end)
        for (x_part, odd), begin, end in zip(heads.tolist(), begins.tolist(), ends, strict=True)
    ]
    plan = [EXPECTATION, 0, len(groups), *(value for group in groups for value in group)]
    masks = (different[:, 2] | different[:, 3]).tolist()
    return PauliSums(width, np.array(plan + masks, dtype=np.int64), weights)
