# SPDX-License-Identifier: Apache-2.0
"""Compiled: expectation values of Pauli sums on a state, without applying them to it.

Terms with the same X part share one pass, which multiplies each amplitude by its partner, a tile
at a time. What remains is a signed sum of the tile for each Z part: it folds the products in half
once a qubit, and terms whose Z parts agree on the upper qubits of the tile share the folds.

mypy: the functions are compiled by Numba, which infers their types.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from numba import njit

from qruntime.execution.layout import FOLD_BITS

summing = njit(nogil=True, fastmath={"contract", "nsz", "reassoc"})


@summing
def fill_probabilities(re, im, first, size, out):
    """Write the probabilities of some basis states."""
    for k in range(size):
        out[k] = re[first + k] * re[first + k] + im[first + k] * im[first + k]


@summing
def fill_products(re, im, x, imaginary, first, size, out):
    """Write conj(a) * b, doubled, for some of the pairs of amplitudes that the X part connects.

    The highest qubit of x drops out of a pair's number: it is 0 in a and 1 in b.
    """
    top = 1
    while 2 * top <= x:
        top *= 2
    low = x & (top - 1)
    run = 1
    while run < top and run < size and low & run == 0:
        run *= 2
    for number in range(first, first + size, run):
        a = ((number & -top) << 1) | (number & (top - 1))
        b = (a ^ low) | top
        at = number - first
        if imaginary:
            for k in range(run):
                out[at + k] = 2.0 * (re[a + k] * im[b + k] - im[a + k] * re[b + k])
        else:
            for k in range(run):
                out[at + k] = 2.0 * (re[a + k] * re[b + k] + im[a + k] * im[b + k])


@summing
def fold(values, half, out, negative):
    """Add, or subtract, the upper half of the values to the lower."""
    if negative:
        for k in range(half):
            out[k] = values[k] - values[half + k]
    else:
        for k in range(half):
            out[k] = values[k] + values[half + k]


@summing
def signed_sum(levels, bits, mask, changed):
    """Sum the first level with the signs of a mask.

    Level k begins behind the levels before it and holds ``2**(bits - k)`` numbers. Those above the
    highest changed bit of the mask are still good.
    """
    at = 0
    for level in range(bits):
        size = 1 << (bits - level)
        if changed >> (bits - 1 - level):
            negative = mask >> (bits - 1 - level) & 1 == 1
            fold(levels[at:], size // 2, levels[at + size :], negative)
        at += size
    return levels[at]


@summing
def add_tile(tile, bits, masks, begin, end, levels, out):
    """Add what one tile contributes to each string."""
    inside = (1 << bits) - 1
    known, total = -1, 0.0
    for term in range(begin, end):
        mask = masks[term] & inside
        if known < 0:
            total = signed_sum(levels, bits, mask, 2 * inside + 1)
        elif mask != known:
            total = signed_sum(levels, bits, mask, mask ^ known)
        known = mask
        outside = (masks[term] >> bits) & tile
        parity = 0
        while outside:
            outside &= outside - 1
            parity ^= 1
        out[term] += -total if parity else total


@summing
def expectations(re, im, groups, masks, levels, out):
    """Fill the expectation value of each Pauli string.

    A group is (x, whether the imaginary part counts, first string, one behind the last). Its masks
    ascend by their lowest ``FOLD_BITS`` bits.
    """
    out[:] = 0.0
    for number in range(groups.shape[0]):
        x, imaginary = groups[number, 0], groups[number, 1] == 1
        begin, end = groups[number, 2], groups[number, 3]
        pairs = re.size if x == 0 else re.size // 2
        bits = 0
        while bits < FOLD_BITS and 2 << bits <= pairs:
            bits += 1
        for tile in range(pairs >> bits):
            if x == 0:
                fill_probabilities(re, im, tile << bits, 1 << bits, levels)
            else:
                fill_products(re, im, x, imaginary, tile << bits, 1 << bits, levels)
            add_tile(tile, bits, masks, begin, end, levels, out)
