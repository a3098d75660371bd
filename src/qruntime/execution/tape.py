# SPDX-License-Identifier: Apache-2.0
"""A fused circuit written as flat arrays, which the compiled interpreter reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from qruntime.execution.atoms import Atom, Flip, Matrix, Phase, Rotation, Table, bits
from qruntime.execution.expressions import Angle
from qruntime.execution.fusion import Dense, Diagonal, Fused, Node
from qruntime.execution.layout import (
    BIG,
    EVEN_HIGH,
    EVEN_HIGH_HIGH,
    FACTOR_WIDTH,
    FLIP,
    HEADER,
    HIGH,
    HIGH_HIGH,
    HIGH_LANE,
    LANE,
    LANE_PAIR,
    LANE_QUBITS,
    LANES,
    NETWORK,
    OP_WIDTH,
    PASS,
    PHASE,
    PIECE_BITS,
    PIECES_FROM,
    REAL_HIGH,
    REAL_LANE,
    TABLE,
    TILE_BITS,
)
from qruntime.execution.passes import Pass, schedule

_LOW = LANES - 1
_PAIRS = {(0, 1): 0, (0, 2): 1, (1, 2): 2}


@dataclass(frozen=True)
class Tape:
    """Arrays of a program: ``code`` (integers), ``reals``, and ``table`` (lane coefficients)."""

    num_qubits: int
    width: int
    code: NDArray[np.int64]
    reals: NDArray[np.float64]
    table: NDArray[np.float64]
    angles: int

    @property
    def scratch(self) -> int:
        """How many floats one running call needs beside the state and the table."""
        diagonal = 4 * (1 << TILE_BITS) + 4 * self.width * (self.width + 1)
        piece = 2 << PIECE_BITS if self.width >= PIECES_FROM else 0
        return self.angles + -self.angles % LANES + max(diagonal, piece)


@dataclass(slots=True, eq=False)
class _Op:
    kernel: int
    count: int = 0
    fixed: int = 0
    value: int = 0
    first: int = 0
    second: int = 0
    table: int = 0
    varies: int = 0
    begin: int = 0
    end: int = 0
    targets: int = 0
    lane_targets: int = 0
    lane_0: int = 0
    lane_1: int = 0
    lane_mask: int = 0
    lane_value: int = 0
    outer: int = 0
    outer_value: int = 0

    def row(self) -> tuple[int, ...]:
        return _ROW(self)


_ROW = attrgetter(*(field.name for field in fields(_Op)))


class _Writer:
    def __init__(self, num_qubits: int) -> None:
        self.width = max(num_qubits, LANE_QUBITS)
        self.ops: list[_Op] = []
        self.factors: list[list[int]] = []
        self.lists: list[int] = []
        self.numbers: list[float] = []
        self.spreads: dict[tuple[int, ...], tuple[int, NDArray[np.complex128]]] = {}
        self.angles: dict[Angle, int] = {}
        self.table_size = 0
        self.place = {q: q for q in range(self.width)}

    def slot(self, angle: Angle) -> int:
        return self.angles.setdefault(angle, len(self.angles))

    def run(self, item: Pass | Node) -> None:
        """Write a pass, or a node outside of passes."""
        if not isinstance(item, Pass):
            self.node(item)
            return
        self.place = {q: k for k, q in enumerate(item.inner)}
        begin = len(self.ops)
        inner = sum(1 << q for q in item.inner)
        run = (~inner & (inner + 1)).bit_length() - 1
        op = _Op(PASS, fixed=((1 << self.width) - 1) & ~inner, value=inner >> run << run)
        op.first, op.second = 1 << run, 1 << len(item.inner)
        self.ops.append(op)
        for node in item.nodes:
            self.node(node)
        op.count = len(self.ops) - begin - 1

    def node(self, node: Node) -> None:
        if isinstance(node, Dense):
            self.dense(node)
        elif isinstance(node, Diagonal):
            self.diagonal(node)
        elif isinstance(node, Flip):
            self.flip(node)
        elif isinstance(node, Matrix):
            self.big(node, BIG, node.matrix)
        else:
            self.big(node, TABLE, node.diagonal)

    def sweep(self, op: _Op, targets: Sequence[int], control: int, value: int, size: int) -> None:
        """Fill in what all sweeps share: which vectors, which lanes, where the table is."""
        lanes = [q for q in targets if q < LANE_QUBITS]
        high = [self.place[q] for q in targets if q >= LANE_QUBITS]
        op.outer = sum([1 << q for q in bits(control) if q not in self.place])
        op.outer_value = value & op.outer
        control, value = self.placed(control & ~op.outer), self.placed(value & ~op.outer)
        fixed = (control & ~_LOW) | sum([1 << q for q in high])
        size_bits = len(self.place)
        op.fixed = fixed | -(1 << size_bits)
        op.value = value & ~_LOW
        op.count = 1 << (size_bits - LANE_QUBITS - fixed.bit_count())
        strides = [1 << q for q in high] + [0, 0]
        op.first, op.second = strides[0], strides[1]
        op.lane_mask, op.lane_value = control & _LOW, value & _LOW
        op.targets, op.lane_targets = len(targets), len(lanes)
        op.lane_0, op.lane_1 = [*lanes, 0, 0][:2]
        op.table = self.table_size
        self.table_size += size + -size % LANES
        self.ops.append(op)

    def placed(self, mask: int) -> int:
        return sum(1 << self.place[q] for q in bits(mask))

    def dense(self, node: Dense) -> None:
        high = tuple(q for q in node.targets if q >= LANE_QUBITS)
        lanes = tuple(q for q in node.targets if q < LANE_QUBITS)
        numbers = 4 ** len(high) * 2 ** len(lanes)
        even = not lanes and not node.control & _LOW
        if len(node.targets) == 1 and node.real:
            kernel, size = REAL_HIGH if high else REAL_LANE + lanes[0], numbers * LANES
        elif even:
            kernel, size = EVEN_HIGH_HIGH if len(high) == 2 else EVEN_HIGH, 3 * numbers
        elif not lanes:
            kernel, size = HIGH_HIGH if len(high) == 2 else HIGH, 2 * numbers * LANES
        elif high:
            kernel, size = HIGH_LANE + lanes[0], 3 * numbers * LANES
        else:
            kernel = LANE + lanes[0] if len(lanes) == 1 else LANE_PAIR + _PAIRS[lanes[0], lanes[1]]
            size = 2 * numbers * LANES
        op = _Op(kernel, varies=not node.fixed)
        op.begin, op.end = self.factor_list(node.factors, node.targets)
        self.sweep(op, node.targets, node.control, node.value, size)

    def flip(self, node: Flip) -> None:
        target = node.target
        kernel = FLIP + (0 if target >= LANE_QUBITS else target + 1)
        op = _Op(kernel)
        self.sweep(op, (target,), node.control, node.value, LANES)

    def apart(self, node: Node) -> list[Node]:
        """Split a diagonal into what one walk does together and phases that are done one by one."""
        if not isinstance(node, Diagonal):
            return [node]
        small = [p for p in node.phases if p.control.bit_count() <= 2]
        amplitudes = 1 << self.width
        alone = sum(45.0 + 0.35 * amplitudes / 2 ** p.control.bit_count() for p in small)
        together = 150.0 + 25.0 * len(small) + 10.0 * self.width + 0.8 * amplitudes
        if alone <= together:
            return [Diagonal((phase,)) for phase in node.phases]
        single = [Diagonal((p,)) for p in node.phases if p.control.bit_count() > 2]
        return [Diagonal(tuple(small)), *single]

    def diagonal(self, node: Diagonal) -> None:
        if len(node.phases) > 1:
            self.network(node.phases)
        else:
            self.phase(node.phases[0])

    def phase(self, phase: Phase) -> None:
        op = _Op(PHASE, varies=not phase.angle.fixed)
        op.begin, op.end = self.factor_list([Phase(phase.angle)], ())
        self.sweep(op, (), phase.control, phase.value, 2 * LANES)

    def network(self, phases: Iterable[Phase]) -> None:
        begin = len(self.lists)
        for phase in phases:
            places = [*bits(phase.control)]
            low, high = places[0], places[-1]
            self.lists += [high, low, self.slot(phase.angle)]
        self.ops.append(_Op(NETWORK, begin=begin, end=len(self.lists)))

    def big(self, node: Matrix | Table, kernel: int, values: NDArray[np.complex128]) -> None:
        op = _Op(kernel, fixed=node.control, value=node.value, targets=len(node.targets))
        op.begin, op.end = len(self.lists), self.constant(values)
        self.lists += node.targets
        self.ops.append(op)

    def factor_list(self, atoms: Sequence[Atom], targets: tuple[int, ...]) -> tuple[int, int]:
        begin = len(self.factors)
        local = {q: 1 << k for k, q in enumerate(targets)}
        self.factors += [self.factor(atom, local) for atom in atoms]
        return begin, len(self.factors)

    def factor(self, atom: Atom, local: dict[int, int]) -> list[int]:
        def moved(mask: int) -> int:
            return sum([local[q] for q in bits(mask)]) if mask else 0

        controls = [moved(atom.control), moved(atom.value)]
        if isinstance(atom, Rotation):
            return [0, moved(atom.x), moved(atom.z), *controls, self.slot(atom.angle)]
        if isinstance(atom, Phase):
            return [1, 0, 0, *controls, self.slot(atom.angle)]
        if isinstance(atom, Flip):
            return [2, local[atom.target], 0, *controls, 0]
        places = [local[q].bit_length() - 1 for q in atom.targets]
        return [3, 0, 0, *controls, self.spread(atom, places, len(local))]

    def spread(self, atom: Matrix | Table, places: list[int], width: int) -> int:
        """Write the atom's matrix on all local bits, once for all atoms that share the matrix."""
        data = atom.matrix if isinstance(atom, Matrix) else atom.diagonal
        known = self.spreads.get((id(data), *places, width))
        if known is None:
            known = self.constant(_spread(atom, places, width)), data  # kept: ids are used again
            self.spreads[id(data), *places, width] = known
        return known[0]

    def constant(self, values: NDArray[np.complex128]) -> int:
        at = len(self.numbers)
        flat = np.ascontiguousarray(values).ravel()
        self.numbers += [part for z in flat.tolist() for part in (z.real, z.imag)]
        return at


def _spread(atom: Matrix | Table, places: Sequence[int], width: int) -> NDArray[np.complex128]:
    """Return the atom's matrix on all ``width`` local bits; its own bits go to ``places``."""
    size = 1 << width
    index = np.arange(size)
    own = np.zeros_like(index)
    for k, place in enumerate(places):
        own |= ((index >> place) & 1) << k
    rest = index & ~sum(1 << place for place in places)
    matrix = np.diag(atom.diagonal) if isinstance(atom, Table) else atom.matrix
    same = rest[:, None] == rest[None, :]
    spread: NDArray[np.complex128] = np.where(same, matrix[np.ix_(own, own)], 0)
    return spread


def write(fused: Fused, num_qubits: int) -> Tape:
    """Return the arrays of a fused circuit. Its fixed coefficients are still to be filled in."""
    writer = _Writer(num_qubits)
    whole = writer.slot(fused.phase)
    start = [
        writer.factor_list(fused.start.get(q, ()), (q,)) if q in fused.start else (0, 0)
        for q in range(writer.width)
    ]
    nodes = [part for node in fused.nodes for part in writer.apart(node)]
    for item in schedule(nodes, writer.width):
        writer.run(item)
    return _pack(writer, num_qubits, whole, start)


def _pack(writer: _Writer, num_qubits: int, whole: int, start: list[tuple[int, int]]) -> Tape:
    angles = list(writer.angles)
    sizes = [len(angle.terms) for angle in angles]
    ends = np.cumsum([0, *sizes]).tolist()
    columns = [column for angle in angles for column, _ in angle.terms]
    sections: list[list[int]] = [
        [value for op in writer.ops for value in op.row()],
        [value for factor in writer.factors for value in factor],
        writer.lists,
        ends,
        columns,
        [value for pair in start for value in pair],
    ]
    header = [writer.width, len(writer.ops), len(angles), whole]
    at = HEADER
    for section in sections:
        header.append(at)
        at += len(section)
    constants = [math.remainder(a.constant, 4 * math.pi) for a in angles]
    slopes = [factor for angle in angles for _, factor in angle.terms]
    header += [len(writer.numbers), len(writer.numbers) + len(constants)]
    header += [0] * (HEADER - len(header))
    code = np.array(header + [v for s in sections for v in s], dtype=np.int64)
    reals = np.array(writer.numbers + constants + slopes, dtype=np.float64)
    table = np.zeros(max(writer.table_size, 1), dtype=np.float64)
    _check(writer)
    return Tape(num_qubits, writer.width, code, reals, table, len(angles))


def _check(writer: _Writer) -> None:
    widths = {len(f) for f in writer.factors}
    if len(fields(_Op)) != OP_WIDTH or not widths <= {FACTOR_WIDTH}:
        raise AssertionError("the tape's rows do not have the interpreter's width")
