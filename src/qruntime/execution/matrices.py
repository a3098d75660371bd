# SPDX-License-Identifier: Apache-2.0
"""Compiled: from a row of values to angles, small matrices and their lane coefficients.

mypy: the functions are compiled by Numba, which infers their types.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import math

from numba import njit

from qruntime.execution.layout import (
    EVEN_HIGH,
    FACTOR_WIDTH,
    FLIP,
    HIGH_LANE,
    LANES,
    OP_WIDTH,
    REAL_HIGH,
    REAL_LANE,
    SWEEPS,
)

exact = njit(nogil=True, fastmath={"contract", "nsz"})
# what is called from one place is compiled there, not once more by itself
exact_inline = njit(nogil=True, fastmath={"contract", "nsz"}, inline="always")


@exact_inline
def fill_angles(code, reals, row, angles):
    """Evaluate every affine angle for one row of values."""
    number, ends, columns = code[2], code[7], code[8]
    constants, slopes = code[10], code[11]
    for k in range(number):
        total = reals[constants + k]
        for term in range(code[ends + k], code[ends + k + 1]):
            total += reals[slopes + term] * row[code[columns + term]]
        angles[k] = total


@exact
def rotate(re, im, dim, x, z, control, value, angle):
    """Multiply a small matrix from the left with a controlled Pauli rotation."""
    c, s = math.cos(0.5 * angle), math.sin(0.5 * angle)
    odd = 0
    for bit in range(2):
        odd += (x & z) >> bit & 1
    for i in range(dim):
        j = i ^ x
        if j < i or (i & control) != value:
            continue
        parity_i, parity_j = 0, 0
        for bit in range(2):
            parity_i ^= (i & z) >> bit & 1
            parity_j ^= (j & z) >> bit & 1
        # -i * i**odd is -i, 1 or i: a pure imaginary factor unless one letter is Y
        at_i = s if parity_j == 0 else -s
        at_j = s if parity_i == 0 else -s
        if odd == 0:
            at_i, at_j = -at_i, -at_j
        for k in range(dim):
            a_re, a_im, b_re, b_im = re[i, k], im[i, k], re[j, k], im[j, k]
            if odd == 1:
                re[i, k] = c * a_re + at_i * b_re
                im[i, k] = c * a_im + at_i * b_im
                re[j, k] = c * b_re + at_j * a_re
                im[j, k] = c * b_im + at_j * a_im
            else:
                re[i, k] = c * a_re - at_i * b_im
                im[i, k] = c * a_im + at_i * b_re
                re[j, k] = c * b_re - at_j * a_im
                im[j, k] = c * b_im + at_j * a_re


@exact
def turn(re, im, dim, control, value, angle):
    """Multiply the rows of a small matrix that meet the controls by a phase."""
    c, s = math.cos(angle), math.sin(angle)
    for i in range(dim):
        if (i & control) == value:
            for k in range(dim):
                a_re, a_im = re[i, k], im[i, k]
                re[i, k] = c * a_re - s * a_im
                im[i, k] = c * a_im + s * a_re


@exact
def swap_rows(re, im, dim, target, control, value):
    """Multiply a small matrix from the left with a controlled X."""
    for i in range(dim):
        j = i ^ target
        if i < j and (i & control) == value:
            for k in range(dim):
                re[i, k], re[j, k] = re[j, k], re[i, k]
                im[i, k], im[j, k] = im[j, k], im[i, k]


@exact
def multiply(re, im, dim, reals, at, control, value):
    """Multiply a small matrix from the left with a fixed one, under controls."""
    for k in range(dim):
        column_re = (re[0, k], re[1 % dim, k], re[2 % dim, k], re[3 % dim, k])
        column_im = (im[0, k], im[1 % dim, k], im[2 % dim, k], im[3 % dim, k])
        for i in range(dim):
            if (i & control) != value:
                continue
            total_re, total_im = 0.0, 0.0
            for j in range(dim):
                m_re = reals[at + 2 * (i * dim + j)]
                m_im = reals[at + 2 * (i * dim + j) + 1]
                total_re += m_re * column_re[j] - m_im * column_im[j]
                total_im += m_re * column_im[j] + m_im * column_re[j]
            re[i, k], im[i, k] = total_re, total_im


@exact
def build(code, reals, angles, begin, end, dim, re, im):
    """Set a small matrix to the product of a list of factors."""
    for i in range(dim):
        for k in range(dim):
            re[i, k] = 1.0 if i == k else 0.0
            im[i, k] = 0.0
    factors = code[5]
    for number in range(begin, end):
        at = factors + number * FACTOR_WIDTH
        kind, control, value, where = code[at], code[at + 3], code[at + 4], code[at + 5]
        if kind == 0:
            rotate(re, im, dim, code[at + 1], code[at + 2], control, value, angles[where])
        elif kind == 1:
            turn(re, im, dim, control, value, angles[where])
        elif kind == 2:
            swap_rows(re, im, dim, code[at + 1], control, value)
        else:
            multiply(re, im, dim, reals, where, control, value)


@exact
def own_bits(lane, lanes, place_0, place_1):
    """Return the bits of a lane at the places of a gate's lane qubits."""
    own = 0
    if lanes > 0:
        own = lane >> place_0 & 1
    if lanes > 1:
        own |= (lane >> place_1 & 1) << 1
    return own


@exact
def write_coefficient(table, at, apart, parts, c, d):
    """Write what a sweep needs of ``c + i d``: one number, both, or three for three products."""
    table[at] = c
    if parts == 2:
        table[at + apart] = d
    elif parts == 3:
        table[at + apart] = c + d
        table[at + 2 * apart] = d - c


@exact_inline
def spread(code, at, re, im, table):
    """Write a small matrix as the lane coefficients [row][column][xor] of a sweep."""
    kernel = code[at]
    even = kernel >= EVEN_HIGH
    width = 1 if even else LANES
    parts = 2
    if REAL_LANE <= kernel <= REAL_HIGH:
        parts = 1
    elif even or HIGH_LANE <= kernel <= HIGH_LANE + 2:
        parts = 3
    targets, lanes = code[at + 10], code[at + 11]
    place_0, place_1 = code[at + 12], code[at + 13]
    mask, met = code[at + 14], code[at + 15]
    rows, xors = 1 << (targets - lanes), 1 << lanes
    out = code[at + 6]
    for row in range(rows):
        for column in range(rows):
            for xor in range(xors):
                for lane in range(width):
                    own = own_bits(lane, lanes, place_0, place_1)
                    c_re, c_im = 0.0, 0.0
                    if (lane & mask) == met:
                        c_re = re[own | row << lanes, (own ^ xor) | column << lanes]
                        c_im = im[own | row << lanes, (own ^ xor) | column << lanes]
                    elif row == column and xor == 0:
                        c_re = 1.0
                    write_coefficient(table, out + lane, width, parts, c_re, c_im)
                out += parts * width


@exact_inline
def fill_table(code, reals, angles, varies, re, im, table):
    """Build the coefficients of all sweeps that vary with the values, or of all that do not."""
    for number in range(code[1]):
        at = code[4] + number * OP_WIDTH
        if code[at] >= SWEEPS or code[at + 7] != varies:
            continue
        if FLIP <= code[at] <= FLIP + 3:
            for lane in range(LANES):
                met = (lane & code[at + 14]) == code[at + 15]
                table[code[at + 6] + lane] = 1.0 if met else 0.0
        else:
            dim = 1 << code[at + 10]
            build(code, reals, angles, code[at + 8], code[at + 9], dim, re, im)
            spread(code, at, re, im, table)
