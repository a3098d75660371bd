# SPDX-License-Identifier: Apache-2.0
"""What was measured on a device: coherence times, frequencies, errors and durations."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any, Self

from qiskit.utils import apply_prefix

from qruntime.program.models.exceptions import BackendPropertyError
from qruntime.program.models.record import OpenRecord, Record

Measured = tuple[Any, datetime.datetime]


class Nduv(Record):
    """One measured value: when (date), what (name), in which unit, and how much (value)."""

    def __init__(self, date: datetime.datetime, name: str, unit: str, value: float) -> None:
        self.date = date
        self.name = name
        self.unit = unit
        self.value = value

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the value that ``to_dict`` described."""
        return cls(**data)

    def __repr__(self) -> str:
        return f"Nduv({self.date!r}, {self.name}, {self.unit}, {self.value})"


class GateProperties(OpenRecord):
    """What was measured of one gate on some qubits. Unknown keywords are kept as attributes."""

    def __init__(
        self, qubits: list[int], gate: str, parameters: list[Nduv], **optional: Any
    ) -> None:
        self._data: dict[str, Any] = optional
        self.qubits = qubits
        self.gate = gate
        self.parameters = parameters

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the gate that ``to_dict`` described; ``data`` is left as it is."""
        return cls(**{**data, "parameters": _values(data["parameters"])})

    def to_dict(self) -> dict[str, Any]:
        """Return the data as a new dictionary."""
        fields = {
            "qubits": self.qubits,
            "gate": self.gate,
            "parameters": [parameter.to_dict() for parameter in self.parameters],
        }
        return {**fields, **self._extra()}


class BackendProperties(OpenRecord):
    """All that was measured on a device, looked up in s and Hz whatever unit it came in.

    Look-ups raise BackendPropertyError for a qubit, gate or value that was not measured; the
    constructor does for a unit that it does not know. Unknown keywords are kept as attributes.
    """

    def __init__(
        self,
        backend_name: str,
        backend_version: str,
        last_update_date: datetime.datetime | str,
        qubits: list[list[Nduv]],
        gates: list[GateProperties],
        general: list[Nduv],
        **optional: Any,
    ) -> None:
        self._data: dict[str, Any] = optional
        self.backend_name = backend_name
        self.backend_version = backend_version
        self.last_update_date = parse_date(last_update_date)
        self.qubits = qubits
        self.gates = gates
        self.general = general
        self._qubits = {index: _in_si(values) for index, values in enumerate(qubits)}
        self._gates: dict[str, dict[tuple[int, ...], dict[str, Measured]]] = {}
        for gate in gates:
            places = self._gates.setdefault(gate.gate, {})
            places[tuple(gate.qubits)] = _in_si(gate.parameters)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the properties that ``to_dict`` described; ``data`` is left as it is."""
        fields = dict(data)
        fields["qubits"] = [_values(qubit) for qubit in data["qubits"]]
        fields["gates"] = [
            GateProperties.from_dict(gate) if isinstance(gate, dict) else gate
            for gate in data["gates"]
        ]
        fields["general"] = _values(data["general"])
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """Return the data as a new dictionary, in the units in which it was given."""
        fields = {
            "backend_name": self.backend_name,
            "backend_version": self.backend_version,
            "last_update_date": self.last_update_date,
            "qubits": [[value.to_dict() for value in qubit] for qubit in self.qubits],
            "gates": [gate.to_dict() for gate in self.gates],
            "general": [value.to_dict() for value in self.general],
        }
        return {**fields, **self._extra()}

    def gate_property(
        self, gate: str, qubits: int | Iterable[int] | None = None, name: str | None = None
    ) -> Any:
        """Return what is known of a gate: by qubits, or for ``qubits``, or one (value, date)."""
        try:
            places = self._gates[gate]
            if qubits is None:
                if name:
                    raise BackendPropertyError(f"Provide qubits to get {name} of {gate}")
                return {place: dict(values) for place, values in places.items()}
            values = places[(qubits,) if isinstance(qubits, int) else tuple(qubits)]
            return values[name] if name else dict(values)
        except KeyError as error:
            raise BackendPropertyError(f"Could not find the desired property for {gate}") from error

    def qubit_property(self, qubit: int, name: str | None = None) -> Any:
        """Return all that is known of a qubit, or one (value, date)."""
        try:
            values = self._qubits[qubit]
            return dict(values) if name is None else values[name]
        except KeyError as error:
            missing = f"property '{name}'" if name else "properties"
            raise BackendPropertyError(f"Couldn't find the {missing} for qubit {qubit}.") from error

    def faulty_qubits(self) -> list[int]:
        """Return the qubits that are reported as not operational."""
        return [qubit for qubit in self._qubits if not self.is_qubit_operational(qubit)]

    def faulty_gates(self) -> list[GateProperties]:
        """Return the gates that are reported as not operational."""
        return [gate for gate in self.gates if not self.is_gate_operational(gate.gate, gate.qubits)]

    def is_gate_operational(self, gate: str, qubits: int | Iterable[int] | None = None) -> bool:
        """Return whether a gate works; one that says nothing about it does."""
        known = self.gate_property(gate, qubits)
        return bool(known["operational"][0]) if "operational" in known else True

    def gate_error(self, gate: str, qubits: int | Iterable[int]) -> float:
        """Return the error rate of a gate."""
        return float(self.gate_property(gate, qubits, "gate_error")[0])

    def gate_length(self, gate: str, qubits: int | Iterable[int]) -> float:
        """Return the duration of a gate in s."""
        return float(self.gate_property(gate, qubits, "gate_length")[0])

    def t1(self, qubit: int) -> float:
        """Return the relaxation time of a qubit in s."""
        return float(self.qubit_property(qubit, "T1")[0])

    def t2(self, qubit: int) -> float:
        """Return the dephasing time of a qubit in s."""
        return float(self.qubit_property(qubit, "T2")[0])

    def frequency(self, qubit: int) -> float:
        """Return the frequency of a qubit in Hz."""
        return float(self.qubit_property(qubit, "frequency")[0])

    def readout_error(self, qubit: int) -> float:
        """Return how likely a qubit is read out wrongly."""
        return float(self.qubit_property(qubit, "readout_error")[0])

    def readout_length(self, qubit: int) -> float:
        """Return the duration of a qubit's readout in s."""
        return float(self.qubit_property(qubit, "readout_length")[0])

    def is_qubit_operational(self, qubit: int) -> bool:
        """Return whether a qubit works; one that says nothing about it does."""
        known = self.qubit_property(qubit)
        return bool(known["operational"][0]) if "operational" in known else True


def parse_date(date: Any) -> Any:
    """Return a date in ISO 8601 as a ``datetime``; anything but text is returned as it is."""
    return datetime.datetime.fromisoformat(date) if isinstance(date, str) else date


def _values(data: Iterable[Any]) -> list[Nduv]:
    return [Nduv.from_dict(item) if isinstance(item, dict) else item for item in data]


def _in_si(values: Iterable[Nduv]) -> dict[str, Measured]:
    return {item.name: (_without_prefix(item.value, item.unit), item.date) for item in values}


def _without_prefix(value: float, unit: str | None) -> Any:
    if not unit or unit == "Hz":
        return value
    try:
        return apply_prefix(value, unit)
    except ValueError as error:
        raise BackendPropertyError(f"Could not understand units: {unit}") from error
