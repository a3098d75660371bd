# SPDX-License-Identifier: Apache-2.0
"""The compiled entry points: many rows of values in one call, without the interpreter lock.

They are cached on disk. Numba alone would look only at this file to tell whether a cached entry is
still good; a fingerprint of all modules that are compiled into it is part of the key too. All
tasks share one entry, as each entry would contain, and compile, the whole interpreter again.

mypy: the functions are compiled by Numba, which infers their types.
"""
# ruff: noqa: PLR0913, PLR0917 - compiled: arguments are registers
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from qruntime.execution.expectation import expectations
from qruntime.execution.interpreter import run
from qruntime.execution.layout import BLOCK, PREPARE, SAMPLE, STATES
from qruntime.execution.matrices import fill_angles, fill_table
from qruntime.execution.sampling import draw, shuffle
from qruntime.execution.streams import derive

_COMPILED_IN = (
    "expectation",
    "interpreter",
    "layout",
    "matrices",
    "sampling",
    "streams",
    "vector",
)


def _fingerprint() -> int:
    here = Path(__file__).parent
    texts = [(here / f"{name}.py").read_bytes() for name in _COMPILED_IN]
    return int.from_bytes(hashlib.sha256(b"\0".join(texts)).digest()[:7])


def _entries(fingerprint: int) -> tuple[Any, ...]:
    @njit(
        "void(int64[::1], float64[::1], float64[::1], float64[:, ::1], float64[::1], int64[::1],"
        " float64[:, ::1], uint64[::1], float64[:, ::1], uint32[::1], uint32[::1], int64[::1])",
        cache=True,
        nogil=True,
    )
    def execute(code, reals, table, rows, scratch, plan, initial, seed, out, keys, counts, ends):
        """Do the task that the plan begins with, for each row; see ``program``."""
        assert fingerprint >= 0
        task, size = plan[0], 1 << code[0]
        re, im = scratch[:size], scratch[size : 2 * size]
        small, tail = scratch[2 * size : plan[1]], scratch[plan[1] :]
        m_re, m_im = np.empty((4, 4)), np.empty((4, 4))
        at = 0
        for k in range(rows.shape[0]):
            fill_angles(code, reals, rows[k], small)
            fill_table(code, reals, small, task != PREPARE, m_re, m_im, table)
            if task == PREPARE:
                continue
            run(code, reals, table, initial[k % len(initial)], small, m_re, m_im, re, im)
            if task == STATES:
                for index in range(out.shape[1] // 2):
                    out[k, 2 * index], out[k, 2 * index + 1] = re[index], im[index]
            elif task == SAMPLE:
                key_0, key_1 = derive(seed[0], seed[1], plan[2] + k)
                sums = tail[: max(size // BLOCK, 1)]
                at += draw(
                    re, im, plan[4:], plan[3], key_0, key_1, tail[sums.size :], sums,
                    keys[at:], counts[at:],
                )  # fmt: skip
                ends[k] = at
            else:
                groups = plan[3 : 3 + 4 * plan[2]].reshape((plan[2], 4))
                expectations(re, im, groups, plan[3 + 4 * plan[2] :], tail, out[k])

    @njit("void(int64[::1], uint64[::1], int64)", cache=True, nogil=True)
    def shuffle_shots(values, seed, row):
        """Put the shots of one row in random order."""
        assert fingerprint >= 0
        key_0, key_1 = derive(seed[0], seed[1], row)
        key_0, key_1 = derive(key_0, key_1, np.int64(-2))
        shuffle(values, key_0, key_1)

    return execute, shuffle_shots


execute, shuffle_shots = _entries(_fingerprint())
