# SPDX-License-Identifier: Apache-2.0
"""From a QuantumCircuit to atoms and a measurement map; declines what is not static."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from qiskit.circuit import (
    AnnotatedOperation,
    Barrier,
    ControlFlowOp,
    ControlledGate,
    ControlModifier,
    Delay,
    InverseModifier,
    Measure,
    PowerModifier,
    QuantumCircuit,
    Reset,
)
from qiskit.circuit.library import (
    DiagonalGate,
    PauliGate,
    PermutationGate,
    UnitaryGate,
)
from qiskit.circuit.library.standard_gates import CUGate, IGate, SwapGate, XGate, YGate, ZGate

from qruntime.execution.atoms import Atom, Flip, Matrix, Phase, Rotation, Table, bits, support
from qruntime.execution.expressions import Angle, Parameters
from qruntime.execution.gates import RULES
from qruntime.execution.placed import Placed, placed_gates
from qruntime.execution.unsupported import NotSupportedError

MAX_QUBITS = 30
_MAX_DEPTH = 200
_BY_DEFINITION = frozenset({"MCXVChain", "MCXRecursive", "MCXGrayCode"})  # they have ancillas
_PAULIS = {"I": IGate, "X": XGate, "Y": YGate, "Z": ZGate}


@dataclass(frozen=True)
class Lowered:
    """A circuit as atoms. ``measured`` maps each written clbit to the qubit whose bit it shows."""

    num_qubits: int
    num_clbits: int
    registers: tuple[tuple[str, tuple[int, ...]], ...]
    parameters: Parameters
    atoms: tuple[Atom, ...]
    measured: dict[int, int]


@dataclass(frozen=True)
class _Where:
    """Where an operation sits: its qubits and clbits in the circuit, and the controls around it."""

    qubits: tuple[int, ...]
    clbits: tuple[int, ...] = ()
    control: int = 0
    value: int = 0
    depth: int = 0

    def under(self, count: int, state: int) -> _Where:
        """The same place under ``count`` more controls, which are the first qubits."""
        own = sum(1 << q for q in self.qubits[:count])
        met = sum(1 << q for k, q in enumerate(self.qubits[:count]) if state >> k & 1)
        return replace(
            self,
            qubits=self.qubits[count:],
            control=self.control | own,
            value=self.value | met,
            depth=self.depth + 1,
        )


@dataclass
class _Lowering:
    parameters: Parameters
    place: list[int]
    atoms: list[Atom] = field(default_factory=list)
    measured: dict[int, int] = field(default_factory=dict)
    touched: int = 0
    closed: int = 0
    sampled: bool = False

    def circuit(self, circuit: QuantumCircuit, where: _Where) -> None:
        if where.depth > _MAX_DEPTH:
            raise NotSupportedError("a gate's definition is nested too deeply")
        if circuit.num_vars or circuit.num_stretches:
            raise NotSupportedError("it has classical variables")
        if where.depth or not self.sampled:
            phase = self.parameters.angle(circuit.global_phase)
            if phase.constant or phase.terms:
                self.emit([Phase(phase)], where)
        qubit = {bit: where.qubits[k] for k, bit in enumerate(circuit.qubits)}
        clbit = {bit: where.clbits[k] for k, bit in enumerate(circuit.clbits)}
        standard = placed_gates()
        for instruction in circuit.data:
            if instruction.is_standard_gate():
                qubits = [qubit[bit] for bit in instruction.qubits]
                placed = standard.get((instruction.name, len(qubits)))
                if placed is not None:
                    angles = [self.angle(value, where.depth) for value in instruction.params]
                    self.standard(placed, qubits, angles, where)
                    continue
            inner = replace(
                where,
                qubits=tuple(qubit[bit] for bit in instruction.qubits),
                clbits=tuple(clbit[bit] for bit in instruction.clbits),
            )
            self.operation(instruction.operation, inner)

    def angle(self, value: Any, depth: int) -> Angle:
        """Return the angle of a standard gate; the circuit's own numbers may have slots."""
        if self.parameters.slots and not depth and isinstance(value, float):
            return self.parameters.slot()
        return self.parameters.angle(value)

    def standard(
        self, placed: Placed, qubits: Sequence[int], angles: Sequence[Angle], where: _Where
    ) -> None:
        places = [self.place[q] for q in qubits]
        if placed.swaps and not where.control:
            self.relabel(tuple(qubits), (1, 0))
            return
        control = self._placed(where.control) if where.control else 0
        if not control and not placed.controls:
            shorter = placed.up_to_phase if self.sampled else None
            atoms = (shorter or placed.rule)(places, angles)
        else:
            own = sum([1 << place for place in places[: placed.controls]])
            value = self._placed(where.value) | own
            control |= own
            atoms = placed.rule(places[placed.controls :], angles)
            atoms = [under(atom, control, value) for atom in atoms]
        if not atoms:
            return
        mask = control
        for place in places:
            mask |= 1 << place
        self._open(mask)
        self.touched |= mask
        self.atoms += atoms

    def operation(self, operation: Any, where: _Where) -> None:
        if isinstance(operation, (Barrier, Delay)):
            return
        if isinstance(operation, Measure):
            self.measure(where)
        elif isinstance(operation, Reset):
            self.reset(where)
        elif isinstance(operation, ControlFlowOp):
            raise NotSupportedError(f"it has control flow ({operation.name})")
        else:
            self.gate(operation, where)

    def measure(self, where: _Where) -> None:
        (qubit,), (clbit,) = where.qubits, where.clbits
        place = self.place[qubit]
        self.closed |= 1 << place
        self.measured[clbit] = place

    def reset(self, where: _Where) -> None:
        for qubit in where.qubits:
            if (self.touched | self.closed) >> self.place[qubit] & 1:
                raise NotSupportedError("a qubit is reset after it was used")

    def gate(self, operation: Any, where: _Where) -> None:
        kind = getattr(operation, "base_class", type(operation))
        rule = RULES.get(kind)
        if kind is SwapGate and not where.control:
            self.relabel(where.qubits, (1, 0))
        elif rule is not None:
            angles = [self.parameters.angle(value) for value in operation.params]
            self.emit(rule(range(len(where.qubits)), angles), where)
        elif isinstance(operation, AnnotatedOperation):
            self.annotated(operation, where)
        elif isinstance(operation, ControlledGate) and kind.__name__ not in _BY_DEFINITION:
            self.controlled(operation, kind, where)
        else:
            self.special(operation, where)

    def special(self, operation: Any, where: _Where) -> None:
        if isinstance(operation, UnitaryGate):
            matrix = np.array(operation.params[0], dtype=np.complex128)
            self.emit([Matrix(tuple(range(len(where.qubits))), matrix)], where)
        elif isinstance(operation, DiagonalGate):
            diagonal = np.array(operation.params, dtype=np.complex128)
            self.emit([Table(tuple(range(len(where.qubits))), diagonal)], where)
        elif isinstance(operation, PermutationGate) and not where.control:
            self.relabel(where.qubits, tuple(int(k) for k in operation.params[0]))
        elif isinstance(operation, PauliGate):
            self.pauli(operation.params[0], where)
        else:
            self.defined(operation, where)

    def controlled(self, gate: ControlledGate, kind: type, where: _Where) -> None:
        inner = where.under(gate.num_ctrl_qubits, gate.ctrl_state)
        if kind is CUGate:
            self.emit([Phase(self.parameters.angle(gate.params[3]))], inner)
        self.operation(gate.base_gate, inner)

    def annotated(self, gate: AnnotatedOperation, where: _Where) -> None:
        base = gate.base_op
        controls: list[ControlModifier] = []
        for modifier in gate.modifiers:
            if isinstance(modifier, ControlModifier):
                controls.append(modifier)
            elif isinstance(modifier, InverseModifier):
                base = base.inverse()
            elif isinstance(modifier, PowerModifier):
                base = base.power(modifier.power)
        for modifier in reversed(controls):
            where = where.under(modifier.num_ctrl_qubits, modifier.ctrl_state)
        self.operation(base, where)

    def pauli(self, label: str, where: _Where) -> None:
        for k, letter in enumerate(reversed(label)):
            self.emit(RULES[_PAULIS[letter]]((k,), ()), where)

    def defined(self, operation: Any, where: _Where) -> None:
        definition = getattr(operation, "definition", None)
        if definition is None and hasattr(operation, "to_circuit"):
            definition = operation.to_circuit()
        if definition is not None:
            self.circuit(definition, replace(where, depth=where.depth + 1))
        elif hasattr(operation, "to_matrix") and not where.clbits:
            matrix = np.array(operation.to_matrix(), dtype=np.complex128)
            self.emit([Matrix(tuple(range(len(where.qubits))), matrix)], where)
        else:
            raise NotSupportedError(f"it has the instruction '{operation.name}'")

    def relabel(self, qubits: tuple[int, ...], pattern: tuple[int, ...]) -> None:
        """Move qubits without moving amplitudes: qubit k takes over the place of pattern[k]."""
        old = [self.place[q] for q in qubits]
        for place in old:
            self._open(1 << place)
        for qubit, source in zip(qubits, pattern, strict=True):
            self.place[qubit] = old[source]

    def emit(self, atoms: Sequence[Atom], where: _Where) -> None:
        """Add atoms that are written in the operation's own qubits, at their places."""
        places = tuple(self.place[q] for q in where.qubits)
        control = self._placed(where.control)
        value = self._placed(where.value)
        for atom in atoms:
            moved = move(atom, places, control, value)
            self._open(support(moved))
            self.touched |= support(moved)
            self.atoms.append(moved)

    def _placed(self, mask: int) -> int:
        return sum(1 << self.place[q] for q in bits(mask))

    def _open(self, mask: int) -> None:
        if mask & self.closed:
            raise NotSupportedError("a qubit is used again after its measurement")


def under(atom: Atom, control: int, value: int) -> Atom:
    """Return the atom under further controls."""
    outer, met = atom.control | control, atom.value | value
    if isinstance(atom, Rotation):
        return Rotation(atom.x, atom.z, atom.angle, outer, met)
    if isinstance(atom, Phase):
        return Phase(atom.angle, outer, met)
    if isinstance(atom, Flip):
        return Flip(atom.target, outer, met)
    return replace(atom, control=outer, value=met)


def move(atom: Atom, places: Sequence[int], control: int = 0, value: int = 0) -> Atom:
    """Return the atom with qubit k at ``places[k]`` and under further controls."""

    def moved(mask: int) -> int:
        return sum(1 << places[k] for k in bits(mask))

    outer = moved(atom.control) | control
    met = moved(atom.value) | value
    if isinstance(atom, Rotation):
        return Rotation(moved(atom.x), moved(atom.z), atom.angle, outer, met)
    if isinstance(atom, Phase):
        return Phase(atom.angle, outer, met)
    if isinstance(atom, Flip):
        return Flip(places[atom.target], outer, met)
    targets = tuple(places[k] for k in atom.targets)
    return replace(atom, targets=targets, control=outer, value=met)


def lower(circuit: QuantumCircuit, *, from_zero: bool = True) -> Lowered:
    """Return the atoms of a static circuit; ``from_zero`` is whether all qubits begin in zero.

    Raises:
        NotSupportedError: it is not static, too large, or has an instruction that is no gate.
    """
    width = circuit.num_qubits
    _check_width(width)
    work = _Lowering(Parameters(circuit), list(range(width)))
    if not from_zero:
        work.touched = (1 << width) - 1
    work.circuit(circuit, _Where(tuple(range(width)), tuple(range(circuit.num_clbits))))
    return _finished(circuit, work, range(width))


def lower_to_sample(circuit: QuantumCircuit, slots: int) -> Lowered:
    """Return the atoms of a static circuit, as far as its measurements depend on them.

    Qubits that nothing acts on and the global phase are left out. The numbers of the circuit's
    standard gates become slots of the rows of values, in their order; ``slots`` is how many there
    are. With none, the numbers stay in the atoms.

    Raises:
        NotSupportedError: it is not static, too large, or has an instruction that is no gate.
    """
    width = circuit.num_qubits
    work = _Lowering(Parameters(circuit, slots=slots), list(range(width)), sampled=True)
    work.circuit(circuit, _Where(tuple(range(width)), tuple(range(circuit.num_clbits))))
    used = [q for q, place in enumerate(work.place) if (work.touched | work.closed) >> place & 1]
    _check_width(len(used))
    return _finished(circuit, work, used)


def _check_width(width: int) -> None:
    if not 0 < width <= MAX_QUBITS:
        raise NotSupportedError(f"it has {width} qubits; allowed: 1 to {MAX_QUBITS}")


def _finished(circuit: QuantumCircuit, work: _Lowering, kept: Sequence[int]) -> Lowered:
    """Return what was lowered, with the atoms on the ``kept`` qubits alone, in their order."""
    rank = {qubit: k for k, qubit in enumerate(kept)}
    home = [0] * len(work.place)
    for qubit, place in enumerate(work.place):
        home[place] = rank.get(qubit, 0)
    in_place = home == list(range(len(kept)))
    index = {bit: k for k, bit in enumerate(circuit.clbits)}
    return Lowered(
        num_qubits=len(kept),
        num_clbits=circuit.num_clbits,
        registers=tuple((r.name, tuple(index[b] for b in r)) for r in circuit.cregs),
        parameters=work.parameters,
        atoms=tuple(work.atoms if in_place else [move(atom, home) for atom in work.atoms]),
        measured={clbit: home[place] for clbit, place in work.measured.items()},
    )
