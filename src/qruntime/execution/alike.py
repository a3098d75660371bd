# SPDX-License-Identifier: Apache-2.0
"""What compiled circuits have in common at their beginning, and where it pays to use it.

Fused nodes are compared one by one, with the columns of their values numbered in the order in which
they appear: parameters of other names, or of other places in a circuit's order, are no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from qruntime.execution.atoms import Atom, Matrix, Phase, Rotation, Table
from qruntime.execution.expressions import Angle
from qruntime.execution.fusion import Dense, Diagonal, Fused, Node, cost

_CALL_NS = 10_000.0
_MEMBER_NS = 2_500.0
_COPY_NS = 1.5
_BIG_NS = 4.0
"""As measured: the time of one more call, of comparing one program's values, of an amplitude
written and read as a state, and of an element of a matrix beyond two qubits for each amplitude."""

_MAX_NESTED = 100


@dataclass(frozen=True)
class Common:
    """Nodes that begin several programs: ``nodes`` of each, and its ``columns`` that they need.

    ``fused`` is these nodes over the columns 0, 1, ... of what ``columns`` picks for a program.
    ``cost`` and ``copy`` are the nanoseconds of computing its state and of handing it on.
    """

    members: tuple[int, ...]
    nodes: int
    fused: Fused
    columns: tuple[list[int], ...]
    cost: float
    copy: float

    def pays(self, programs: int, bindings: int) -> bool:
        """Whether so many programs with equal values are faster together."""
        saved = (programs - 1) * self.cost - (programs + 1) * self.copy
        return bindings * saved > _CALL_NS + programs * _MEMBER_NS


@dataclass
class _Walk:
    """The nodes of one program, renumbered; entry d of the lists is for its first d nodes."""

    fused: Fused
    amplitudes: int
    places: dict[int, int] = field(default_factory=dict)
    keys: list[Hashable] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        begin = {q: tuple(map(self.atom, atoms)) for q, atoms in sorted(self.fused.start.items())}
        nodes = []
        self.note((self.amplitudes, tuple((q, tuple(map(_key, a))) for q, a in begin.items())), 0.0)
        for node in self.fused.nodes:
            nodes.append(self.node(node))
            self.note(_key(nodes[-1]), self.costs[-1] + _cost(node, self.amplitudes))
        self.fused = Fused(begin, Angle(), tuple(nodes))

    def note(self, key: Hashable, nanoseconds: float) -> None:
        self.keys.append(key)
        self.used.append(len(self.places))
        self.costs.append(nanoseconds)

    def node(self, node: Node) -> Node:
        if isinstance(node, Dense):
            return replace(node, factors=tuple(map(self.atom, node.factors)))
        if isinstance(node, Diagonal):
            return Diagonal(tuple(replace(p, angle=self.angle(p.angle)) for p in node.phases))
        return node

    def atom(self, atom: Atom) -> Atom:
        if isinstance(atom, (Rotation, Phase)):
            return replace(atom, angle=self.angle(atom.angle))
        return atom

    def angle(self, angle: Angle) -> Angle:
        terms = tuple(
            (self.places.setdefault(column, len(self.places)), factor)
            for column, factor in angle.terms
        )
        return Angle(angle.constant, terms)


def _key(item: Node | Atom) -> Hashable:
    """Return what two items share only if they do the same: neither has an equality of its own."""
    if isinstance(item, Matrix):
        return (Matrix, item.targets, item.matrix.tobytes(), item.control, item.value)
    if isinstance(item, Table):
        return (Table, item.targets, item.diagonal.tobytes(), item.control, item.value)
    if isinstance(item, Dense):
        return (Dense, item.targets, tuple(map(_key, item.factors)), item.control, item.value)
    if isinstance(item, Diagonal):
        return (Diagonal, tuple(map(_key, item.phases)))
    return (type(item), *(getattr(item, name) for name in item.__slots__))


def _cost(node: Node, amplitudes: int) -> float:
    if isinstance(node, (Matrix, Table)):
        elements = len(node.matrix) if isinstance(node, Matrix) else 1
        return _BIG_NS * amplitudes * elements
    return cost(node, amplitudes)


class _Search:
    def __init__(self, walks: Sequence[_Walk]) -> None:
        self.walks = walks

    def gain(self, number: int, depth: int, walk: _Walk) -> float:
        """Estimate the nanoseconds that sharing so many nodes saves for each of many bindings."""
        copies = (number + 1) * _COPY_NS * walk.amplitudes
        return (number - 1) * walk.costs[depth - 1] - copies

    def best(
        self, members: list[int], depth: int, nested: int = 0
    ) -> tuple[float, list[tuple[list[int], int]]]:
        """Return the most that can be saved, each program sharing once, and by what."""
        lead = self.walks[members[0]]
        depth = self.common(members, depth)
        whole = self.gain(len(members), depth, lead) if depth else 0.0
        branches: dict[Hashable, list[int]] = defaultdict(list)
        for member in members:
            if depth < len(self.walks[member].keys):
                branches[self.walks[member].keys[depth]].append(member)
        total, found = 0.0, []
        for branch in branches.values():
            if len(branch) > 1 and nested < _MAX_NESTED:
                gain, parts = self.best(branch, depth, nested + 1)
                total += gain
                found += parts
        if whole > 0 and whole >= total:
            return whole, [(members, depth)]
        return total, found

    def common(self, members: Iterable[int], depth: int) -> int:
        keys = [self.walks[member].keys for member in members]
        end = min(map(len, keys))
        while depth < end and all(other[depth] == keys[0][depth] for other in keys):
            depth += 1
        return depth

    def made(self, members: list[int], depth: int) -> Common:
        lead = self.walks[members[0]]
        return Common(
            members=tuple(members),
            nodes=depth - 1,
            fused=replace(lead.fused, nodes=lead.fused.nodes[: depth - 1]),
            columns=tuple(
                list(self.walks[m].places)[: self.walks[m].used[depth - 1]] for m in members
            ),
            cost=lead.costs[depth - 1],
            copy=_COPY_NS * lead.amplitudes,
        )


def common_beginnings(programs: Sequence[tuple[Fused, int]]) -> list[Common]:
    """Return which programs, each nodes on a number of qubits, should share which beginnings.

    Each is in one at most. The choice depends on the programs alone.
    """
    search = _Search([_Walk(fused, 1 << qubits) for fused, qubits in programs])
    if len(programs) < 2:
        return []
    _, found = search.best(list(range(len(programs))), 0)
    return [search.made(members, depth) for members, depth in found]
