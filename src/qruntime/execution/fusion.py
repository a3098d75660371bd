# SPDX-License-Identifier: Apache-2.0
"""Fewer sweeps for the same circuit: fuse neighbours, collect diagonals, start from a product.

Three passes over the atoms, each a rule that holds for every circuit. ``_Layers`` gathers
one-qubit gates until something that does not commute arrives, and phases into common diagonals.
``_Pairs`` joins what acts on the same two qubits where one matrix costs less than its parts.
Last, the first gate of each qubit moves into the initial product state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from qruntime.execution.atoms import Atom, Flip, Matrix, Phase, Rotation, Table, bits, support
from qruntime.execution.basis import split_basis_change
from qruntime.execution.expressions import Angle


@dataclass(slots=True, eq=False)
class Dense:
    """A product of atoms on at most two targets (ascending), under common outer controls."""

    targets: tuple[int, ...]
    factors: tuple[Atom, ...]
    control: int = 0
    value: int = 0

    @property
    def support(self) -> int:
        """The mask of all qubits that this node looks at."""
        mask = self.control
        for qubit in self.targets:
            mask |= 1 << qubit
        return mask

    @property
    def fixed(self) -> bool:
        """Whether no parameter changes it."""
        return all(map(_fixed, self.factors))

    @property
    def real(self) -> bool:
        """Whether all its matrix elements are real, whatever the parameters are."""
        return all(map(_real, self.factors))


@dataclass(slots=True, eq=False)
class Diagonal:
    """A product of phases. Those on one or two qubits act where all their qubits are 1."""

    phases: tuple[Phase, ...]

    @property
    def support(self) -> int:
        """The mask of all qubits that this node looks at."""
        mask = 0
        for phase in self.phases:
            mask |= phase.control
        return mask


Node = Dense | Diagonal | Flip | Matrix | Table


@dataclass(frozen=True)
class Fused:
    """What is left to do: the product state to begin with, its phase, and the nodes in order."""

    start: dict[int, tuple[Atom, ...]]
    phase: Angle
    nodes: tuple[Node, ...]


def reach(node: Node) -> int:
    """Return the mask of all qubits that a node looks at."""
    return node.support if isinstance(node, (Dense, Diagonal)) else support(node)


def _fixed(atom: Atom) -> bool:
    return not (isinstance(atom, (Rotation, Phase)) and atom.angle.terms)


def _real(atom: Atom) -> bool:
    if isinstance(atom, Rotation):
        return (atom.x & atom.z).bit_count() % 2 == 1
    if isinstance(atom, Matrix):
        return bool(not atom.matrix.imag.any()) if atom.real is None else atom.real
    return isinstance(atom, Flip)


def _on_ones(phase: Phase) -> list[Phase]:
    """Rewrite a phase with controls on zeros as phases with controls on ones."""
    zeros = phase.control & ~phase.value
    if not zeros:
        return [phase]
    place = zeros & -zeros
    rest = Phase(phase.angle, phase.control ^ place, phase.value)
    flipped = Phase(-phase.angle, phase.control, phase.value | place)
    return _on_ones(rest) + _on_ones(flipped)


@dataclass
class _Layers:
    phase: Angle = field(default_factory=Angle)
    nodes: list[Node] = field(default_factory=list)
    waiting: dict[int, list[Atom]] = field(default_factory=dict)
    diagonal: dict[tuple[int, int], Angle] = field(default_factory=dict)
    covered: int = 0

    def add(self, atom: Atom) -> None:
        if isinstance(atom, Phase):
            if atom.control == atom.value or atom.control.bit_count() > 2:
                self._phase(atom)
            else:
                for part in _on_ones(atom):
                    self._phase(part)
        elif (mask := support(atom)).bit_count() == 1 and not isinstance(atom, Table):
            self._single(mask.bit_length() - 1, atom)
        elif isinstance(atom, Flip):
            self._flip(atom)
        else:
            self._other(atom)

    def finish(self) -> None:
        for qubit in list(self.waiting):
            self._flush(qubit)
        self._close()

    def _phase(self, phase: Phase) -> None:
        width = phase.control.bit_count()
        if width == 0:
            self.phase += phase.angle
        elif width == 1 and not phase.control & self.covered:
            self.waiting.setdefault(phase.control.bit_length() - 1, []).append(phase)
        else:
            for qubit in bits(phase.control):
                self._commute(qubit)
            self._collect(phase)

    def _single(self, qubit: int, atom: Atom) -> None:
        if self.covered >> qubit & 1:
            self._close()
        self.waiting.setdefault(qubit, []).append(atom)

    def _flip(self, atom: Flip) -> None:
        for qubit in bits(atom.control):
            if not self._diagonal_wait(qubit):
                self._flush(qubit)
        self._flush(atom.target)
        if self.covered >> atom.target & 1:
            self._close()
        self.nodes.append(atom)

    def _other(self, atom: Rotation | Matrix | Table) -> None:
        mask = support(atom)
        for qubit in bits(mask):
            self._flush(qubit)
        if self.covered & mask:
            self._close()
        self.nodes.append(_node(atom))

    def _diagonal_wait(self, qubit: int) -> bool:
        waiting = self.waiting.get(qubit)
        return not waiting or {*map(type, waiting)} == {Phase}

    def _commute(self, qubit: int) -> None:
        """Make room for a diagonal: what waits on the qubit joins it or goes before it."""
        if self._diagonal_wait(qubit):
            for atom in self.waiting.pop(qubit, ()):
                if isinstance(atom, Phase):
                    self._collect(atom)
        else:
            self._flush(qubit)

    def _flush(self, qubit: int) -> None:
        atoms = self.waiting.pop(qubit, None)
        if not atoms:
            return
        if all(isinstance(atom, Phase) for atom in atoms):
            self.nodes.append(Diagonal(tuple(a for a in atoms if isinstance(a, Phase))))
        elif len(atoms) == 1 and isinstance(atoms[0], Flip):
            self.nodes.append(atoms[0])
        else:
            self.nodes.append(Dense((qubit,), tuple(atoms)))

    def _collect(self, phase: Phase) -> None:
        key = (phase.control, phase.value)
        self.diagonal[key] = self.diagonal.get(key, Angle()) + phase.angle
        self.covered |= phase.control

    def _close(self) -> None:
        if self.diagonal:
            phases = tuple(Phase(angle, *key) for key, angle in self.diagonal.items())
            self.nodes.append(Diagonal(phases))
        self.diagonal.clear()
        self.covered = 0


def _node(atom: Rotation | Matrix | Table) -> Node:
    if isinstance(atom, Table):
        return atom
    if isinstance(atom, Matrix):
        targets = tuple(sorted(atom.targets))
        if len(targets) > 2:
            return atom
        return Dense(targets, (Matrix(atom.targets, atom.matrix),), atom.control, atom.value)
    targets = tuple(bits(atom.x | atom.z))
    return Dense(targets, (Rotation(atom.x, atom.z, atom.angle),), atom.control, atom.value)


@dataclass(slots=True)
class _Group:
    mask: int
    nodes: list[Node]
    open: bool


class _Pairs:
    def __init__(self, amplitudes: int) -> None:
        self._amplitudes = amplitudes
        self._groups: list[_Group] = []
        self._last: dict[int, _Group] = {}

    def add(self, node: Node) -> None:
        mask = reach(node)
        qubits = tuple(bits(mask))
        small = len(qubits) <= 2 and not isinstance(node, Table)
        owner = self._last.get(qubits[0]) if qubits else None
        alone = len(qubits) < 2 or self._last.get(qubits[1]) is owner
        if small and alone and owner and owner.open and mask | owner.mask == owner.mask:
            owner.nodes.append(node)
            return
        group = _Group(mask, [], small)
        if small and len(qubits) == 2:
            for single in (self._last.get(q) for q in qubits):
                if single and single.open and single.mask.bit_count() == 1:
                    group.nodes += single.nodes
                    single.nodes = []
        group.nodes.append(node)
        self._groups.append(group)
        self._last.update(dict.fromkeys(qubits, group))

    def result(self) -> Iterable[Node]:
        for group in self._groups:
            if group.open and len(group.nodes) > 1:
                yield from self._cheapest(group)
            else:
                yield from group.nodes

    def _cheapest(self, group: _Group) -> list[Node]:
        factors = tuple(atom for node in group.nodes for atom in _atoms(node))
        whole = Dense(tuple(bits(group.mask)), factors)
        if cost(whole, self._amplitudes) <= sum(cost(n, self._amplitudes) for n in group.nodes):
            return [whole]
        return group.nodes


def _atoms(node: Node) -> Sequence[Atom]:
    if isinstance(node, Diagonal):
        return node.phases
    if isinstance(node, Dense):
        if not node.control:
            return node.factors
        return [_controlled(atom, node.control, node.value) for atom in node.factors]
    return [node]


def _controlled(atom: Atom, control: int, value: int) -> Atom:
    if isinstance(atom, Rotation):
        return Rotation(atom.x, atom.z, atom.angle, atom.control | control, atom.value | value)
    if isinstance(atom, Phase):
        return Phase(atom.angle, atom.control | control, atom.value | value)
    if isinstance(atom, Flip):
        return Flip(atom.target, atom.control | control, atom.value | value)
    kind = type(atom)
    data = atom.matrix if isinstance(atom, Matrix) else atom.diagonal
    return kind(atom.targets, data, atom.control | control, atom.value | value)


_CALL_NS = 15.0
_BUILD_NS = 30.0
_FACTOR_NS = (8.0, 20.0, 90.0)


def cost(node: Node, amplitudes: int) -> float:
    """Estimate a node's nanoseconds, from sweeps timed in cache; only ratios matter."""
    if isinstance(node, Diagonal):
        return sum(
            _CALL_NS + _BUILD_NS + 0.35 * amplitudes / (1 << p.control.bit_count())
            for p in node.phases
        )
    if isinstance(node, Flip):
        return _CALL_NS + 0.24 * amplitudes / (1 << node.control.bit_count())
    if not isinstance(node, Dense):
        return float("inf")
    weight = 0.6 if len(node.targets) == 2 else 0.2 if node.real else 0.3
    total = _CALL_NS + weight * amplitudes / (1 << node.control.bit_count())
    if not node.fixed:
        total += _BUILD_NS + _FACTOR_NS[len(node.targets)] * (1 + len(node.factors))
    return total


def fuse(atoms: Iterable[Atom], num_qubits: int, *, from_zero: bool = True) -> Fused:
    """Return the cheapest form that the rules find for a circuit's atoms.

    Only a circuit that begins with all qubits in zero can begin with a product state. Nothing is
    fused across the change of basis that it may end with, so that circuits which differ in that
    alone have the same nodes before it.
    """
    body, tail = split_basis_change(atoms) if from_zero else (list(atoms), [])
    layers, last = _Layers(), _Layers()
    for part, gathered in ((body, layers), (tail, last)):
        for atom in part:
            gathered.add(atom)
        gathered.finish()
    pairs = _Pairs(1 << num_qubits)
    for node in layers.nodes:
        pairs.add(node)
    start: dict[int, tuple[Atom, ...]] = {}
    rest: list[Node] = []
    seen = 0 if from_zero else (1 << num_qubits) - 1
    for node in (*pairs.result(), *last.nodes):
        mask = reach(node)
        if mask & seen == 0 and mask.bit_count() == 1 and isinstance(node, (Dense, Flip)):
            start[mask.bit_length() - 1] = tuple(_atoms(node))
        else:
            rest.append(node)
        seen |= mask
    return Fused(start, layers.phase + last.phase, tuple(rest))
