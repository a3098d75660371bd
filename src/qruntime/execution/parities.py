# SPDX-License-Identifier: Apache-2.0
"""Compiled: means and variances of Pauli sums from the counts of measured bases.

mypy: the functions are compiled by Numba, which infers their types.
"""
# ruff: noqa: PLR0913, PLR0917 - compiled: arguments are registers
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, inline="always")
def is_odd(word):
    """Whether the number of ones in 32 bits is odd."""
    word ^= word >> np.uint32(16)
    word ^= word >> np.uint32(8)
    word ^= word >> np.uint32(4)
    return np.uint32(0x6996) >> (word & np.uint32(15)) & np.uint32(1) == np.uint32(1)


@njit(
    "void(uint32[::1], uint32[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1],"
    " int64[::1], uint32[::1], float64[::1], float64[:, ::1], float64[:, ::1])",
    cache=True,
    nogil=True,
)
def add_moments(
    keys, counts, ends, groups, bindings, owned, owners, begins, masks, weights, means, variances
):
    """Add each row of counts to the means, and to the variances of the means, that it measures.

    Row r ends at ``ends[r]``; ``groups[r]`` and ``bindings[r]`` say what it measures. Group g has
    the entries from ``owned[g]`` to ``owned[g + 1]``: entry e belongs to the observable
    ``owners[e]`` and has the terms from ``begins[e]`` to ``begins[e + 1]``, masks and weights.
    Values are summed relative to the first, so that what is certain has a variance of zero.
    """
    begin = 0
    for row in range(ends.size):
        end = ends[row]
        for entry in range(owned[groups[row]], owned[groups[row] + 1]):
            first, number, total, squares = 0.0, 0.0, 0.0, 0.0
            for k in range(begin, end):
                value = 0.0
                for term in range(begins[entry], begins[entry + 1]):
                    odd = is_odd(keys[k] & masks[term])
                    value += -weights[term] if odd else weights[term]
                if k == begin:
                    first = value
                number += counts[k]
                total += counts[k] * (value - first)
                squares += counts[k] * (value - first) * (value - first)
            spread = max(squares - total * total / number, 0.0)
            means[bindings[row], owners[entry]] += first + total / number
            variances[bindings[row], owners[entry]] += spread / (number - 1.0) / number
        begin = end
