# SPDX-License-Identifier: Apache-2.0
"""Numbers that the writer of a tape and its compiled interpreter agree on."""

from __future__ import annotations

LANE_QUBITS = 3
LANES = 1 << LANE_QUBITS
TILE_BITS = 11
FOLD_BITS = 10

HEADER = 16
OP_WIDTH = 16
FACTOR_WIDTH = 6

LANE = 0
LANE_PAIR = 3
HIGH = 6
HIGH_LANE = 7
HIGH_HIGH = 10
PHASE = 11
FLIP = 12
REAL_LANE = 16
REAL_HIGH = 19
NETWORK = 20
BIG = 21
TABLE = 22

PREPARE = 0
STATES = 1
SAMPLE = 2
EXPECTATION = 3

BLOCK = 64
DENSE_FACTOR = 16
MAX_SPACINGS = 1 << 20
