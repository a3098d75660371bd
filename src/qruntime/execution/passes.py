# SPDX-License-Identifier: Apache-2.0
"""Fewer walks through a large state: what fits into a piece that a cache holds is done at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qruntime.execution.atoms import Flip, bits
from qruntime.execution.fusion import Dense, Diagonal, Node, reach
from qruntime.execution.layout import LANE_QUBITS, PIECE_BITS, PIECE_RUN_BITS, PIECES_FROM

_LOOKAHEAD = 256


@dataclass(frozen=True, slots=True)
class Pass:
    """Nodes whose targets are all among the inner qubits (ascending; the lanes are of them)."""

    inner: tuple[int, ...]
    nodes: tuple[Node, ...]


def _targets(node: Node) -> int | None:
    """Return the mask of the qubits that a node mixes; None if it cannot be done in pieces."""
    if isinstance(node, Dense):
        return sum(1 << q for q in node.targets)
    if isinstance(node, Flip):
        return 1 << node.target
    return 0 if isinstance(node, Diagonal) and len(node.phases) == 1 else None


def schedule(nodes: Iterable[Node], width: int) -> list[Pass | Node]:
    """Return the nodes in passes, and between them those that walk through the state themselves.

    Nodes change places only if they share no qubit.
    """
    every = (1 << width) - 1
    size = width if width < PIECES_FROM else PIECE_BITS
    always = (1 << (LANE_QUBITS if size == width else PIECE_RUN_BITS)) - 1
    done: list[Pass | Node] = []
    rest = list(nodes)
    while rest:
        inner, taken, blocked = always, [], 0
        left: list[Node] = []
        for at, node in enumerate(rest):
            mask = reach(node)
            targets = _targets(node)
            fits = targets is not None and (inner | targets).bit_count() <= size
            if fits and not mask & blocked:
                inner |= targets or 0
                taken.append(node)
                continue
            blocked |= mask
            left.append(node)
            if blocked == every or len(left) == _LOOKAHEAD:
                left += rest[at + 1 :]
                break
        rest = left
        if taken:
            done.append(Pass(_filled(inner, size), tuple(taken)))
        else:
            done.append(rest.pop(0))
    return done


def _filled(inner: int, size: int) -> tuple[int, ...]:
    """Add the lowest qubits that are missing, for long runs of memory."""
    while inner.bit_count() < size:
        inner |= inner + 1
    return tuple(bits(inner))
