# SPDX-License-Identifier: Apache-2.0
"""Compiled: draw shots from a state and count them by measured key.

A key holds the measured qubits, each once, the first of them in the lowest bit. Few outcomes and
many shots: the counts are drawn one after another, as binomials of what is left. Else as many
uniform numbers as shots are drawn in sorted order, as normalised sums of exponential spacings, and
one walk over the probabilities finds where they fall.

mypy: the functions are compiled by Numba, which infers their types.
"""
# ruff: noqa: PLR0913, PLR0917 - compiled: arguments are registers
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import numpy as np

from qruntime.execution.layout import DENSE_FACTOR, MAX_SPACINGS
from qruntime.execution.matrices import exact
from qruntime.execution.streams import binomial, fill_exponentials, word


@exact
def key_of(index, measured):
    """Return the key that a basis state shows: its bits at the measured places."""
    key = 0
    for k in range(measured.size):
        key |= (index >> measured[k] & 1) << k
    return key


@exact
def is_identity(measured):
    """Whether a key is the index itself, with higher qubits left out."""
    for k in range(measured.size):  # noqa: SIM110 - compiled
        if measured[k] != k:
            return False
    return True


@exact
def marginal(re, im, measured, out):
    """Sum the probabilities of each key."""
    size = out.size
    out[:] = 0.0
    if is_identity(measured):
        for base in range(0, re.size, size):
            for k in range(size):
                out[k] += re[base + k] * re[base + k] + im[base + k] * im[base + k]
    else:
        for index in range(re.size):
            key = key_of(index, measured)
            out[key] += re[index] * re[index] + im[index] * im[index]


@exact
def draw_counts(probabilities, shots, key_0, key_1, keys, counts):
    """Draw a multinomial as successive binomials; return how many keys occurred."""
    left = 0.0
    for k in range(probabilities.size):
        left += probabilities[k]
    found, missing = 0, shots
    counter = np.int64(0)
    last = 0
    for k in range(probabilities.size):
        if probabilities[k] > 0.0:
            last = k
    for k in range(last + 1):
        p = probabilities[k] / left if left > 0.0 else 0.0
        drawn, counter = binomial(key_0, key_1, counter, missing, p)
        if k == last:
            drawn = missing
        left -= probabilities[k]
        missing -= drawn
        if drawn > 0:
            keys[found], counts[found] = k, drawn
            found += 1
        if missing == 0:
            break
    return found


@exact
def block_sums(re, im, sums):
    """Sum the probabilities of blocks of the state; return the total."""
    size = re.size // sums.size
    total = 0.0
    for block in range(sums.size):
        base = block * size
        lanes_0, lanes_1, lanes_2, lanes_3 = 0.0, 0.0, 0.0, 0.0
        for k in range(base, base + size, 4):
            lanes_0 += re[k] * re[k] + im[k] * im[k]
            lanes_1 += re[k + 1] * re[k + 1] + im[k + 1] * im[k + 1]
            lanes_2 += re[k + 2] * re[k + 2] + im[k + 2] * im[k + 2]
            lanes_3 += re[k + 3] * re[k + 3] + im[k + 3] * im[k + 3]
        part = (lanes_0 + lanes_1) + (lanes_2 + lanes_3)
        sums[block] = part
        total += part
    return total


@exact
def draw_indices(re, im, sums, shots, key_0, key_1, spacings, keys, counts):
    """Draw basis states in ascending order; return how many different ones occurred."""
    fill_exponentials(key_0, key_1, spacings, spacings.view(np.uint64))
    whole = block_sums(re, im, sums)
    total = 0.0
    for k in range(shots + 1):
        total += spacings[k]
    size = re.size // sums.size
    scale = whole / total
    found, shot, point = 0, 0, spacings[0] * scale
    reached = 0.0
    for block in range(sums.size):
        if point >= reached + sums[block]:
            reached += sums[block]
            continue
        bound = reached + sums[block]
        for index in range(block * size, (block + 1) * size):
            p = re[index] * re[index] + im[index] * im[index]
            reached += p
            if p <= 0.0 or point >= reached:
                continue
            drawn = 0
            while point < reached and shot < shots:
                drawn += 1
                shot += 1
                point += spacings[shot] * scale
            keys[found], counts[found] = index, drawn
            found += 1
            if shot == shots:
                return found
        reached = bound
    # rounding left the last points just beyond the sum of all probabilities
    last = last_possible(re, im)
    if found > 0 and keys[found - 1] == last:
        counts[found - 1] += shots - shot
    else:
        keys[found], counts[found] = last, shots - shot
        found += 1
    return found


@exact
def last_possible(re, im):
    """Return the last basis state that has a probability above zero."""
    for index in range(re.size - 1, -1, -1):
        if re[index] * re[index] + im[index] * im[index] > 0.0:
            return index
    return 0


@exact
def sort_keys(bits, keys, counts):
    """Sort keys of so many bits, and their counts along, by one byte after the other."""
    ends = np.empty(257, np.int64)
    moved_keys, moved_counts = np.empty_like(keys), np.empty_like(counts)
    for shift in range(0, bits, 8):
        for byte in range(257):
            ends[byte] = 0
        for k in range(keys.size):
            ends[(np.int64(keys[k]) >> shift & 255) + 1] += 1
        for byte in range(256):
            ends[byte + 1] += ends[byte]
        for k in range(keys.size):
            digit = np.int64(keys[k]) >> shift & 255
            moved_keys[ends[digit]], moved_counts[ends[digit]] = keys[k], counts[k]
            ends[digit] += 1
        for k in range(keys.size):
            keys[k], counts[k] = moved_keys[k], moved_counts[k]


@exact
def merge_keys(measured, found, keys, counts):
    """Turn basis states into keys, sort them, and add up equal ones; return how many are left."""
    for k in range(found):
        keys[k] = key_of(np.int64(keys[k]), measured)
    sort_keys(measured.size, keys[:found], counts[:found])
    left = 0
    for k in range(found):
        if left > 0 and keys[left - 1] == keys[k]:
            counts[left - 1] += counts[k]
        else:
            keys[left], counts[left] = keys[k], counts[k]
            left += 1
    return left


@exact
def draw(re, im, measured, shots, key_0, key_1, numbers, sums, keys, counts):
    """Draw shots; fill ascending keys with their counts; return how many keys occurred."""
    outcomes = 1 << measured.size
    if outcomes * DENSE_FACTOR <= shots or shots >= MAX_SPACINGS:
        marginal(re, im, measured, numbers[:outcomes])
        return draw_counts(numbers[:outcomes], shots, key_0, key_1, keys, counts)
    found = draw_indices(re, im, sums, shots, key_0, key_1, numbers[: shots + 1], keys, counts)
    if measured.size == 0 or not (is_identity(measured) and outcomes == re.size):
        return merge_keys(measured, found, keys, counts)
    return found


@exact
def shuffle(values, key_0, key_1):
    """Put values in random order, in place."""
    for k in range(values.size - 1, 0, -1):
        high = word(key_0, key_1, k) >> np.uint64(32)
        other = np.int64((high * np.uint64(k + 1)) >> np.uint64(32))
        values[k], values[other] = values[other], values[k]
