# SPDX-License-Identifier: Apache-2.0
"""Compiled: random streams that depend on a seed and a place only, and draws from them.

A stream is a key of two words and a counter. A draw mixes the counter twice with a 64-bit
finaliser, with a word of the key before each, so streams of different keys share no sequence and
draws may be computed in any order.

mypy: the functions are compiled by Numba, which infers their types.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import math

import numpy as np

from qruntime.execution.matrices import exact

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)
_UNIT = 2.0**-52
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
_MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
_HALF_BITS = np.uint64(0x3FE0000000000000)


@exact
def mix(word):
    """Return the word with every bit depending on every bit; a bijection."""
    word = (word ^ (word >> _S30)) * _MIX_1
    word = (word ^ (word >> _S27)) * _MIX_2
    return word ^ (word >> _S31)


@exact
def derive(key_0, key_1, place):
    """Return the key of the stream at a place, of the streams of a key."""
    step = np.uint64(place + 1) * _GOLDEN
    first = mix(mix(key_0 + step) ^ key_1)
    second = mix(mix(key_1 + step + _GOLDEN) + first)
    return first, second


@exact
def word(key_0, key_1, counter):
    """Return the 64 random bits at a counter."""
    return mix(mix(np.uint64(counter) * _GOLDEN + key_0) + key_1)


@exact
def uniform(key_0, key_1, counter):
    """Return the random number at a counter, inside (0, 1), ends excluded."""
    return (np.float64(np.int64(word(key_0, key_1, counter) >> _S12)) + 0.5) * _UNIT


@exact
def fill_exponentials(key_0, key_1, out, as_bits):
    """Fill an array with standard exponential numbers; ``as_bits`` is the same memory as words.

    The logarithm is spelled out, as a series in (m-1)/(m+1), for the loop to be vectorised.
    """
    for k in range(out.size):
        out[k] = uniform(key_0, key_1, k)
    for k in range(out.size):
        raw = as_bits[k]
        exponent = np.float64(np.int64(raw >> np.uint64(52)) - 1022)
        as_bits[k] = (raw & _MANTISSA) | _HALF_BITS
        m = out[k]
        if m < 0.7071067811865476:
            m *= 2.0
            exponent -= 1.0
        t = (m - 1.0) / (m + 1.0)
        u = t * t
        series = 1.0 / 17.0
        series = series * u + 1.0 / 15.0
        series = series * u + 1.0 / 13.0
        series = series * u + 1.0 / 11.0
        series = series * u + 1.0 / 9.0
        series = series * u + 1.0 / 7.0
        series = series * u + 1.0 / 5.0
        series = series * u + 1.0 / 3.0
        series = series * u + 1.0
        out[k] = -(exponent * _LN2_HIGH + (exponent * _LN2_LOW + 2.0 * t * series))


@exact
def _stirling(k):
    """Return the error of Stirling's formula for log((k)!), written with k + 1."""
    inverse = 1.0 / (k + 1.0)
    square = inverse * inverse
    tail = 1.0 / 1680.0
    if k < 16.0:
        return (
            math.lgamma(k + 1.0)
            - (k + 0.5) * math.log(k + 1.0)
            + (k + 1.0)
            - 0.5 * math.log(2.0 * math.pi)
        )
    tail = (1.0 / 1260.0 - tail * square) * square
    return (1.0 / 12.0 - (1.0 / 360.0 - tail) * square) * inverse


@exact
def _binomial_by_steps(key_0, key_1, counter, number, p):
    """Count geometric gaps between successes; for few successes."""
    slope = math.log1p(-p)
    successes, position = 0, 0.0
    while True:
        gap = math.floor(math.log(uniform(key_0, key_1, counter)) / slope) + 1.0
        counter += 1
        position += gap
        if position > number:
            return successes, counter
        successes += 1


@exact
def _binomial_by_rejection(key_0, key_1, counter, number, p):
    """Hoermann's transformed rejection; for ten successes or more, p at most one half."""
    spread = math.sqrt(number * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre = number * p + 0.5
    inner = 0.92 - 4.2 / b
    odds = p / (1.0 - p)
    alpha = (2.83 + 5.1 / b) * spread
    mode = math.floor((number + 1.0) * p)
    while True:
        u = uniform(key_0, key_1, counter) - 0.5
        v = uniform(key_0, key_1, counter + 1)
        counter += 2
        slack = 0.5 - abs(u)
        k = math.floor((2.0 * a / slack + b) * u + centre)
        if slack >= 0.07 and v <= inner:
            return np.int64(k), counter
        if k < 0.0 or k > number:
            continue
        v = math.log(v * alpha / (a / (slack * slack) + b))
        bound = (
            (mode + 0.5) * math.log((mode + 1.0) / (odds * (number - mode + 1.0)))
            + (number + 1.0) * math.log((number - mode + 1.0) / (number - k + 1.0))
            + (k + 0.5) * math.log(odds * (number - k + 1.0) / (k + 1.0))
            + _stirling(mode)
            + _stirling(number - mode)
            - _stirling(k)
            - _stirling(number - k)
        )
        if v <= bound:
            return np.int64(k), counter


@exact
def binomial(key_0, key_1, counter, number, p):
    """Return the successes in ``number`` trials, and the counter behind the draws used."""
    if number <= 0 or p <= 0.0:
        return 0, counter
    if p >= 1.0:
        return number, counter
    low = min(p, 1.0 - p)
    if number * low < 10.0:
        drawn, counter = _binomial_by_steps(key_0, key_1, counter, number, low)
    else:
        drawn, counter = _binomial_by_rejection(key_0, key_1, counter, number, low)
    return (drawn if p <= 0.5 else number - drawn), counter
