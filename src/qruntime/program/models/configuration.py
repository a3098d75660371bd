# SPDX-License-Identifier: Apache-2.0
"""What a device is: its size, gates, limits and timing, in SI units."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from qruntime.program.models.gates import GateConfig
from qruntime.program.models.record import OpenRecord

_KEPT_UNLESS_NONE = (
    "default_rep_delay",
    "sample_name",
    "configurable",
    "credits_required",
    "online_date",
    "display_name",
    "description",
    "tags",
    "dt",
    "dtm",
    "processor_type",
    "parametric_pulses",
)
_KEPT_UNLESS_EMPTY = (
    "supported_instructions",
    "rep_delay_range",
    "max_experiments",
    "n_registers",
    "register_map",
)
_REQUIRED = (
    "backend_name",
    "backend_version",
    "n_qubits",
    "basis_gates",
    "gates",
    "local",
    "simulator",
    "conditional",
    "open_pulse",
    "memory",
    "max_shots",
    "coupling_map",
)


def scaled(value: Any, factor: float) -> Any:
    """Return a number, or nested lists of numbers, times ``factor``; None stays None."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [scaled(item, factor) for item in value]
    return value * factor


class QasmBackendConfiguration(OpenRecord):
    """The configuration of a device or simulator.

    The keywords in ``optional`` are attributes only if they were given. Unknown ones are kept.
    Outside, in the constructor's arguments and in ``to_dict``, ``dt`` and ``dtm`` are in ns,
    ``rep_delay_range``, ``default_rep_delay`` and ``rep_times`` in us, ``qubit_lo_range`` and
    ``meas_lo_range`` in GHz; the attributes are in s and Hz. ``max_shots`` may be None if no
    limit is known; it is then absent, too.
    """

    #: attribute: (factor on the way in, factor on the way out)
    _units: ClassVar[Mapping[str, tuple[float, float]]] = {
        "dt": (1e-9, 1e9),
        "dtm": (1e-9, 1e9),
        "rep_delay_range": (1e-6, 1e6),
        "default_rep_delay": (1e-6, 1e6),
        "rep_times": (1e-6, 1e6),
        "qubit_lo_range": (1e9, 1e-9),
        "meas_lo_range": (1e9, 1e-9),
    }
    _fields: ClassVar[tuple[str, ...]] = (
        *_REQUIRED,
        "dynamic_reprate_enabled",
        *_KEPT_UNLESS_EMPTY,
        *_KEPT_UNLESS_NONE,
    )

    def __init__(  # noqa: PLR0913, PLR0917 - the signature that device authors know
        self,
        backend_name: str,
        backend_version: str,
        n_qubits: int,
        basis_gates: list[str],
        gates: list[GateConfig],
        local: bool,
        simulator: bool,
        conditional: bool,
        open_pulse: bool,
        memory: bool,
        max_shots: int | None,
        coupling_map: list[list[int]] | None,
        *,
        dynamic_reprate_enabled: bool = False,
        **optional: Any,
    ) -> None:
        self._data: dict[str, Any] = {}
        self._given: dict[str, Any] = {}
        self.backend_name = backend_name
        self.backend_version = backend_version
        self.n_qubits = n_qubits
        self.basis_gates = basis_gates
        self.gates = gates
        self.local = local
        self.simulator = simulator
        self.conditional = conditional
        self.open_pulse = open_pulse
        self.memory = memory
        if max_shots is not None:
            self.max_shots = max_shots
        self.coupling_map = coupling_map
        self.dynamic_reprate_enabled = dynamic_reprate_enabled
        for name, value in optional.items():
            self._take(name, value)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the configuration that ``to_dict`` described; ``data`` is left as it is."""
        fields = dict(data)
        fields["gates"] = [
            GateConfig.from_dict(gate) if isinstance(gate, dict) else gate
            for gate in fields.pop("gates", [])
        ]
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """Return the data in the units of the constructor's arguments.

        A value that is still the one given comes back exactly, without rounding errors.
        """
        fields = {name: vars(self)[name] for name in self._fields if name in vars(self)}
        outside = {name: self._outward(name, value) for name, value in fields.items()}
        outside.update({name: self._outward(name, value) for name, value in self._extra().items()})
        outside["gates"] = [gate.to_dict() for gate in self.gates]
        return outside

    @property
    def num_qubits(self) -> int:
        """The number of qubits, as newer programs call it."""
        return self.n_qubits

    def __contains__(self, name: str) -> bool:
        return name in vars(self)

    def _take(self, name: str, value: Any) -> None:
        if name not in self._fields:
            self._data[name] = self._inward(name, value)
        elif value or (value is not None and name not in _KEPT_UNLESS_EMPTY):
            setattr(self, name, self._inward(name, value))

    def _inward(self, name: str, value: Any) -> Any:
        if name not in self._units:
            return value
        self._given[name] = copy.deepcopy(value)
        return self._to_si(name, value)

    def _outward(self, name: str, value: Any) -> Any:
        if name not in self._units:
            return value
        if name in self._given and self._to_si(name, self._given[name]) == value:
            return copy.deepcopy(self._given[name])
        return self._from_si(name, value)

    def _to_si(self, name: str, value: Any) -> Any:
        return scaled(value, self._units[name][0])

    def _from_si(self, name: str, value: Any) -> Any:
        return scaled(value, self._units[name][1])


BackendConfiguration = QasmBackendConfiguration
