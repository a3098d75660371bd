# SPDX-License-Identifier: Apache-2.0
"""Compiled: run a tape on one state, given its angles and coefficients.

mypy: the functions are compiled by Numba, which infers their types.
"""
# ruff: noqa: PLR0913, PLR0917 - compiled: arguments are registers
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import math

import numpy as np

from qruntime.execution.layout import BIG, LANES, NETWORK, OP_WIDTH, PASS, TILE_BITS
from qruntime.execution.matrices import build, exact, exact_inline
from qruntime.execution.vector import copy_sweep, dense_sweep, flip_sweep, tripled_sweep

_lane_0, _lane_1, _lane_2 = (dense_sweep(0, (0, 1 << k)) for k in range(3))
_real_0, _real_1, _real_2 = (dense_sweep(0, (0, 1 << k), real=True) for k in range(3))
_pair_01, _pair_02, _pair_12 = (
    dense_sweep(0, (0, a, b, a | b)) for a, b in ((1, 2), (1, 4), (2, 4))
)
_high = dense_sweep(1, (0,))
_real_high = dense_sweep(1, (0,), real=True)
_mixed_0, _mixed_1, _mixed_2 = (
    tripled_sweep(1, (0, 1 << k), groups=2, even=False) for k in range(3)
)
_even_high = tripled_sweep(1, (0,), groups=1, even=True)
_even_high_high = tripled_sweep(2, (0,), groups=1, even=True)
_high_high = dense_sweep(2, (0,))
_phase = dense_sweep(0, (0,))
_gather, _scatter = copy_sweep(back=False), copy_sweep(back=True)
_flip, _flip_0, _flip_1, _flip_2 = (flip_sweep(xor) for xor in (0, 1, 2, 4))


@exact_inline
def sweep(kernel, re, im, count, fixed, value, first, second, table, at):  # noqa: C901, PLR0912 - a jump table
    """Run the sweep of this number; see ``vector.dense_sweep`` for the arguments."""
    if kernel == 21:
        _even_high_high(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 20:
        _even_high(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 6:
        _high(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 12:
        _flip(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 19:
        _real_high(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 10:
        _high_high(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 11:
        _phase(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 0:
        _lane_0(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 1:
        _lane_1(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 2:
        _lane_2(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 3:
        _pair_01(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 4:
        _pair_02(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 5:
        _pair_12(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 7:
        _mixed_0(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 8:
        _mixed_1(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 9:
        _mixed_2(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 13:
        _flip_0(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 14:
        _flip_1(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 15:
        _flip_2(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 16:
        _real_0(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 17:
        _real_1(re, im, count, fixed, value, first, second, table, at)
    elif kernel == 18:
        _real_2(re, im, count, fixed, value, first, second, table, at)


@exact
def scale_copy(re, im, to_re, to_im, begin, size, c, s):
    """Write ``size`` numbers times ``c + i s`` behind themselves, at ``begin``."""
    for i in range(size):
        a_re, a_im = re[i], im[i]
        to_re[begin + i] = c * a_re - s * a_im
        to_im[begin + i] = c * a_im + s * a_re


@exact
def scale(re, im, size, c, s):
    """Multiply the first ``size`` numbers by ``c + i s``."""
    for i in range(size):
        a_re, a_im = re[i], im[i]
        re[i] = c * a_re - s * a_im
        im[i] = c * a_im + s * a_re


@exact_inline
def start(code, reals, angles, m_re, m_im, re, im):
    """Set the state to the product of each qubit's first gate on zero, with the global phase."""
    begin = code[9]
    whole = angles[code[3]]
    re[0], im[0] = math.cos(whole), math.sin(whole)
    for qubit in range(code[0]):
        half = 1 << qubit
        first, last = code[begin + 2 * qubit], code[begin + 2 * qubit + 1]
        if first == last:
            re[half : 2 * half] = 0.0
            im[half : 2 * half] = 0.0
            continue
        build(code, reals, angles, first, last, np.int64(2), m_re, m_im)
        scale_copy(re, im, re, im, half, half, m_re[1, 0], m_im[1, 0])
        scale(re, im, half, m_re[0, 0], m_im[0, 0])


@exact
def fill_pairs(code, angles, begin, end, e_re, e_im, linked):
    """Read a network's phases: of single qubits on the diagonal, of pairs (high, low) below it."""
    width = code[0]
    for q in range(width):
        linked[q] = 0.0
        for r in range(q + 1):
            e_re[q, r], e_im[q, r] = 1.0, 0.0
    for at in range(code[6] + begin, code[6] + end, 3):
        high, low, angle = code[at], code[at + 1], angles[code[at + 2]]
        e_re[high, low], e_im[high, low] = math.cos(angle), math.sin(angle)
        if high != low:
            linked[high] = 1.0


@exact
def fill_tile(bits, e_re, e_im, linked, d_re, d_im, g_re, g_im):
    """Compute the diagonal of a network over its lowest qubits, by doubling."""
    d_re[0], d_im[0] = 1.0, 0.0
    for q in range(bits):
        half = 1 << q
        if linked[q] == 0.0:
            scale_copy(d_re, d_im, d_re, d_im, half, half, e_re[q, q], e_im[q, q])
            continue
        g_re[0], g_im[0] = e_re[q, q], e_im[q, q]
        for r in range(q):
            size = 1 << r
            scale_copy(g_re, g_im, g_re, g_im, size, size, e_re[q, r], e_im[q, r])
        for i in range(half):
            d_re[half + i] = d_re[i] * g_re[i] - d_im[i] * g_im[i]
            d_im[half + i] = d_re[i] * g_im[i] + d_im[i] * g_re[i]


@exact
def fill_links(outer, bits, width, e_re, e_im, g_re, g_im):
    """Compute what the qubits above a tile, fixed to ``outer``, add to its diagonal.

    Returns how many of the entries of g are needed: one if nothing links them to the tile.
    """
    c, s = 1.0, 0.0
    for q in range(bits, width):
        if outer >> (q - bits) & 1:
            for r in range(bits, q + 1):
                if outer >> (r - bits) & 1:
                    c, s = c * e_re[q, r] - s * e_im[q, r], c * e_im[q, r] + s * e_re[q, r]
    g_re[0], g_im[0] = c, s
    plain = True
    for r in range(bits):
        c, s = 1.0, 0.0
        for q in range(bits, width):
            if outer >> (q - bits) & 1:
                c, s = c * e_re[q, r] - s * e_im[q, r], c * e_im[q, r] + s * e_re[q, r]
        plain = plain and c == 1.0 and s == 0.0
        e_re[r, width], e_im[r, width] = c, s
    if plain:
        return 1
    for r in range(bits):
        size = 1 << r
        scale_copy(g_re, g_im, g_re, g_im, size, size, e_re[r, width], e_im[r, width])
    return 1 << bits


@exact
def multiply_tile(re, im, d_re, d_im, g_re, g_im, links):
    """Multiply a piece of the state by the diagonal of its tile and by what links add."""
    size = re.size
    if links == 1:
        c, s = g_re[0], g_im[0]
        for i in range(size):
            f_re, f_im = d_re[i] * c - d_im[i] * s, d_re[i] * s + d_im[i] * c
            a_re, a_im = re[i], im[i]
            re[i], im[i] = a_re * f_re - a_im * f_im, a_re * f_im + a_im * f_re
    else:
        for i in range(size):
            f_re = d_re[i] * g_re[i] - d_im[i] * g_im[i]
            f_im = d_re[i] * g_im[i] + d_im[i] * g_re[i]
            a_re, a_im = re[i], im[i]
            re[i], im[i] = a_re * f_re - a_im * f_im, a_re * f_im + a_im * f_re


@exact_inline
def network(code, angles, begin, end, scratch, re, im):
    """Multiply the state by any number of one- and two-qubit phases in one pass."""
    width = code[0]
    bits = min(width, TILE_BITS)
    size, tile = 1 << bits, 1 << TILE_BITS
    d_re, d_im = scratch[:size], scratch[tile : tile + size]
    g_re, g_im = scratch[2 * tile : 2 * tile + size], scratch[3 * tile : 3 * tile + size]
    area = width * (width + 1)
    at = 4 * tile
    e_re = scratch[at : at + area].reshape((width, width + 1))
    e_im = scratch[at + area : at + 2 * area].reshape((width, width + 1))
    linked = scratch[at + 2 * area : at + 2 * area + width]
    fill_pairs(code, angles, begin, end, e_re, e_im, linked)
    fill_tile(bits, e_re, e_im, linked, d_re, d_im, g_re, g_im)
    for outer in range(1 << (width - bits)):
        links = fill_links(outer, bits, width, e_re, e_im, g_re, g_im)
        piece = slice(outer << bits, (outer + 1) << bits)
        multiply_tile(re[piece], im[piece], d_re, d_im, g_re, g_im, links)


@exact
def big(code, reals, op, re, im):
    """Multiply by a matrix of three or more qubits, or by a fixed diagonal, under controls."""
    control, value, width = code[op + 2], code[op + 3], code[op + 10]
    targets, at = code[6] + code[op + 8], code[op + 9]
    dim = 1 << width
    places = np.empty(dim, np.int64)
    for k in range(dim):
        places[k] = 0
        for bit in range(width):
            places[k] |= (k >> bit & 1) << code[targets + bit]
    x_re, x_im = np.empty(dim), np.empty(dim)
    for base in range(1 << code[0]):
        if base & places[dim - 1] or (base & control) != value:
            continue
        for k in range(dim):
            x_re[k], x_im[k] = re[base | places[k]], im[base | places[k]]
        for row in range(dim):
            total_re, total_im = 0.0, 0.0
            first, last = (row, row + 1) if code[op] != BIG else (0, dim)
            for k in range(first, last):
                entry = at + 2 * (row * dim + k if code[op] == BIG else k)
                m_re, m_im = reals[entry], reals[entry + 1]
                total_re += m_re * x_re[k] - m_im * x_im[k]
                total_im += m_re * x_im[k] + m_im * x_re[k]
            re[base | places[row]], im[base | places[row]] = total_re, total_im


@exact_inline
def pieces(code, op, table, scratch, re, im):
    """Run the sweeps that follow on one piece of the state after the other.

    A piece is all amplitudes that differ in the pass's inner qubits only. It is worked on where it
    is if it lies in one run of memory, else in a copy.
    """
    outer, spread, run, size = code[op + 2], code[op + 3], code[op + 4], code[op + 5]
    base = np.int64(0)
    here_re, here_im = scratch[:size], scratch[size : 2 * size]
    for _ in range(re.size // size):
        if run == size:
            here_re, here_im = re[base : base + size], im[base : base + size]
        else:
            _gather(re, im, size // run, spread, base, run, size, scratch, 0)
        for member in range(code[op + 1]):
            at = op + (member + 1) * OP_WIDTH
            if base & code[at + 16] == code[at + 17]:
                sweep(
                    code[at], here_re, here_im, code[at + 1], code[at + 2], code[at + 3],
                    code[at + 4], code[at + 5], table, code[at + 6],
                )  # fmt: skip
        if run != size:
            _scatter(re, im, size // run, spread, base, run, size, scratch, 0)
        base = ((base | ~outer) + 1) & outer


@exact_inline
def load(initial, whole, re, im):
    """Set the state to a given one, times a global phase."""
    c, s = math.cos(whole), math.sin(whole)
    re[:], im[:] = 0.0, 0.0
    for k in range(initial.size // 2):
        a_re, a_im = initial[2 * k], initial[2 * k + 1]
        re[k], im[k] = c * a_re - s * a_im, c * a_im + s * a_re


@exact_inline
def run(code, reals, table, initial, scratch, m_re, m_im, re, im):
    """Compute the state of a tape whose angles and coefficients are filled in.

    It begins in zero or in a given state.
    """
    angles = scratch[: code[2]]
    rest = scratch[code[2] + -code[2] % LANES :]
    if initial.size > 0:
        load(initial, angles[code[3]], re, im)
    else:
        start(code, reals, angles, m_re, m_im, re, im)
    number = 0
    while number < code[1]:
        op = code[4] + number * OP_WIDTH
        kernel = code[op]
        if kernel == PASS:
            pieces(code, op, table, rest, re, im)
            number += code[op + 1]
        elif kernel == NETWORK:
            network(code, angles, code[op + 8], code[op + 9], rest, re, im)
        else:
            big(code, reals, op, re, im)
        number += 1
