# SPDX-License-Identifier: Apache-2.0
"""The transpiler's view of a device, built from its configuration and properties."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any, TypeAlias

from qiskit.circuit import (
    BoxOp,
    BreakLoopOp,
    ContinueLoopOp,
    ForLoopOp,
    Gate,
    IfElseOp,
    Instruction,
    Parameter,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.library import (
    DiagonalGate,
    Initialize,
    PauliGate,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from qruntime.program.models import BackendProperties, BackendPropertyError, properties_from

Operation: TypeAlias = Instruction | type[Instruction]
Place: TypeAlias = tuple[int, ...]

_CONTROL_FLOW: dict[str, Operation] = {
    "if_else": IfElseOp,
    "while_loop": WhileLoopOp,
    "for_loop": ForLoopOp,
    "switch_case": SwitchCaseOp,
    "box": BoxOp,
    "break_loop": BreakLoopOp,
    "continue_loop": ContinueLoopOp,
}
_OF_ANY_WIDTH: dict[str, Operation] = {
    "diagonal": DiagonalGate,
    "initialize": Initialize,
    "pauli": PauliGate,
    "store": Store,
    "unitary": UnitaryGate,
}
_NOT_GATES = ("measure", "reset", "delay")
_TIMING = ("granularity", "min_length", "pulse_alignment", "acquire_alignment")
_GATE_HEAD = re.compile(r"gate\s+\w+\s*(?:\([^)]*\))?\s*(?P<qubits>[\w\s,]+)")


def target_from(
    configuration: Any,
    properties: Any = None,
    *,
    custom: Mapping[str, Operation] | None = None,
) -> Target:
    """Return the transpiler's target for a device or simulator.

    ``configuration`` is any object with the attributes of a backend configuration, ``properties``
    anything that ``properties_from`` takes. Every basis gate that Qiskit, the configuration's
    ``gates`` or ``custom`` define is in the target; others are left out. Without a coupling map
    an operation is global; with one, it is where its own coupling map, the properties or the
    device's coupling map put it. Faulty qubits and gates are left out.
    """
    device = _Device(configuration, None if properties is None else properties_from(properties))
    timing = getattr(configuration, "timing_constraints", None) or {}
    target = Target(
        num_qubits=device.size,
        dt=getattr(configuration, "dt", None),
        qubit_properties=device.qubit_properties(),
        **{name: timing[name] for name in _TIMING if name in timing},
    )
    known = {**_CONTROL_FLOW, **_OF_ANY_WIDTH, **get_standard_gate_name_mapping()}
    known.update(device.signatures())
    known.update(custom or {})
    for name in device.operation_names():
        operation = known.get(name) or device.own_gate(name)
        if isinstance(operation, type):
            target.add_instruction(operation, name=name)
        elif operation is not None:
            places = device.places(name, operation.num_qubits)
            if places is None or places:
                target.add_instruction(operation, places, name=name)
    return target


class _Device:
    """The two sources of a target, asked for one operation at a time."""

    def __init__(self, configuration: Any, properties: BackendProperties | None) -> None:
        self._configuration = configuration
        self._properties = properties
        self._gates = {gate.name: gate for gate in getattr(configuration, "gates", None) or ()}
        pairs = getattr(configuration, "coupling_map", None)
        self._pairs = None if pairs is None else [tuple(pair) for pair in pairs]
        self.size = _size(configuration)
        self._faulty = set(properties.faulty_qubits()) if properties else set()
        self._working = [qubit for qubit in range(self.size) if qubit not in self._faulty]

    def operation_names(self) -> list[str]:
        """Return the names of all operations, each once, in a stable order."""
        supported = getattr(self._configuration, "supported_instructions", None)
        allowed = (*_NOT_GATES, *_CONTROL_FLOW)
        listed = _NOT_GATES if supported is None else [s for s in supported if s in allowed]
        basis = getattr(self._configuration, "basis_gates", None) or ()
        return list(dict.fromkeys([*basis, *listed, "measure", *self.signatures()]))

    def signatures(self) -> dict[str, Operation]:
        """Return the device's own instructions that are not gates, such as a second readout."""
        return {
            entry["name"]: Instruction(
                entry["name"],
                entry["num_qubits"],
                entry["num_clbits"],
                [Parameter(name) for name in entry["parameters"]],
            )
            for entry in getattr(self._configuration, "instruction_signatures", None) or ()
        }

    def own_gate(self, name: str) -> Gate | None:
        """Return a gate that only the configuration defines, or None if it does not."""
        config = self._gates.get(name)
        width = 0 if config is None else _width(config)
        if config is None or width == 0:
            return None
        return Gate(name, width, [Parameter(item) for item in config.parameters])

    def places(self, name: str, width: int) -> dict[Place, InstructionProperties | None] | None:
        """Return the qubits an operation works on, with error and duration; None is everywhere."""
        measured = self._measured(name)
        mapped = getattr(self._gates.get(name), "coupling_map", None)
        found: Iterable[Place] | None = None
        if mapped:
            found = [tuple(place) for place in mapped]
        elif not measured:
            found = self._default_places(width)
        if found is None and not measured:
            return None
        places: dict[Place, InstructionProperties | None] = dict.fromkeys(found or ())
        places.update(measured)
        broken = self._broken_places(name)
        return {
            place: facts
            for place, facts in places.items()
            if place not in broken and self._faulty.isdisjoint(place)
        }

    def qubit_properties(self) -> list[QubitProperties] | None:
        """Return coherence times and frequency of every qubit, as far as they are known."""
        if self._properties is None:
            return None
        every = [self._of_qubit(qubit) for qubit in range(self.size)]
        return [
            QubitProperties(
                t1=_value(q, "T1"), t2=_value(q, "T2"), frequency=_value(q, "frequency")
            )
            for q in every
        ]

    def _measured(self, name: str) -> dict[Place, InstructionProperties]:
        if self._properties is None:
            return {}
        if name == "measure":
            return {
                (qubit,): InstructionProperties(
                    error=_value(facts, "readout_error"), duration=_value(facts, "readout_length")
                )
                for qubit in self._working
                if (facts := self._of_qubit(qubit))
            }
        return {
            place: InstructionProperties(
                error=_value(facts, "gate_error"), duration=_value(facts, "gate_length")
            )
            for place, facts in self._of_gate(name).items()
        }

    def _broken_places(self, name: str) -> set[Place]:
        return {
            place
            for place, facts in self._of_gate(name).items()
            if "operational" in facts and not facts["operational"][0]
        }

    def _default_places(self, width: int) -> Iterable[Place] | None:
        if width == 1 and not (self._pairs is None and self._properties is None):
            return [(qubit,) for qubit in self._working]
        if width == 2 and self._pairs is not None:
            return self._pairs
        if width == 2 and self._faulty:
            return permutations(self._working, 2)
        return None

    def _of_gate(self, name: str) -> dict[Place, dict[str, Any]]:
        if self._properties is None:
            return {}
        try:
            found: dict[Place, dict[str, Any]] = self._properties.gate_property(name)
        except BackendPropertyError:
            return {}
        return found

    def _of_qubit(self, qubit: int) -> dict[str, Any]:
        if self._properties is None or qubit >= len(self._properties.qubits):
            return {}
        found: dict[str, Any] = self._properties.qubit_property(qubit)
        return found


def _size(configuration: Any) -> int:
    size = getattr(configuration, "n_qubits", None)
    return int(configuration.num_qubits if size is None else size)


def _width(config: Any) -> int:
    mapped = getattr(config, "coupling_map", None)
    if mapped:
        return len(mapped[0])
    head = _GATE_HEAD.match((getattr(config, "qasm_def", None) or "").strip())
    return len(head["qubits"].split(",")) if head else 0


def _value(facts: Mapping[str, Any], name: str) -> Any:
    return facts[name][0] if name in facts else None
