# SPDX-License-Identifier: Apache-2.0
"""The data of a device that once offered pulses; the pulses themselves are gone from Qiskit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from qiskit.exceptions import QiskitError

from qruntime.program.models.configuration import QasmBackendConfiguration, scaled
from qruntime.program.models.gates import GateConfig
from qruntime.program.models.record import OpenRecord, Record


class UchannelLO(Record):
    """The local oscillator of a control channel: ``scale`` times that of qubit ``q``."""

    def __init__(self, q: int, scale: complex) -> None:
        if q < 0:
            raise QiskitError("q must be >=0")
        self.q = q
        self.scale = scale

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the oscillator that ``to_dict`` described."""
        return cls(**data)

    def __repr__(self) -> str:
        return f"UchannelLO({self.q}, {self.scale})"


class Command(OpenRecord):
    """How a gate was played as pulses: ``sequence`` is a list of plain instructions."""

    def __init__(
        self,
        name: str,
        qubits: list[int] | None = None,
        sequence: list[Any] | None = None,
        **optional: Any,
    ) -> None:
        self._data: dict[str, Any] = optional
        self.name = name
        if qubits is not None:
            self.qubits = qubits
        if sequence is not None:
            self.sequence = sequence

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the command that ``to_dict`` described."""
        return cls(**data)

    def to_dict(self) -> dict[str, Any]:
        """Return the data as a new dictionary."""
        fields = {name: value for name, value in vars(self).items() if name != "_data"}
        return {**fields, **self._extra()}


class PulseBackendConfiguration(QasmBackendConfiguration):
    """The configuration of a device that offered pulses.

    Besides the units of the base class: ``channel_bandwidth`` and the variables of the
    Hamiltonian are in GHz outside and in Hz as attributes.
    """

    _units: ClassVar[Mapping[str, tuple[float, float]]] = {
        **QasmBackendConfiguration._units,
        "channel_bandwidth": (1e9, 1e-9),
        "hamiltonian": (1e9, 1e-9),
    }
    _fields: ClassVar[tuple[str, ...]] = (
        *QasmBackendConfiguration._fields,
        "n_uchannels",
        "u_channel_lo",
        "meas_levels",
        "qubit_lo_range",
        "meas_lo_range",
        "rep_times",
        "meas_kernels",
        "discriminators",
        "channel_bandwidth",
        "acquisition_latency",
        "conditional_latency",
        "meas_map",
        "channels",
        "hamiltonian",
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
        n_uchannels: int,
        u_channel_lo: list[list[UchannelLO]],
        meas_levels: list[int],
        qubit_lo_range: list[list[float]],
        meas_lo_range: list[list[float]],
        dt: float,
        dtm: float,
        rep_times: list[float],
        meas_kernels: list[str],
        discriminators: list[str],
        **optional: Any,
    ) -> None:
        self.hamiltonian: dict[str, Any] | None = None
        super().__init__(
            backend_name,
            backend_version,
            n_qubits,
            basis_gates,
            gates,
            local,
            simulator,
            conditional,
            open_pulse,
            memory,
            max_shots,
            coupling_map,
            n_uchannels=n_uchannels,
            u_channel_lo=u_channel_lo,
            meas_levels=meas_levels,
            qubit_lo_range=qubit_lo_range,
            meas_lo_range=meas_lo_range,
            dt=dt,
            dtm=dtm,
            rep_times=rep_times,
            meas_kernels=meas_kernels,
            discriminators=discriminators,
            **optional,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the configuration that ``to_dict`` described; ``data`` is left as it is."""
        oscillators = [
            [UchannelLO.from_dict(item) if isinstance(item, dict) else item for item in channel]
            for channel in data["u_channel_lo"]
        ]
        return super().from_dict({**data, "u_channel_lo": oscillators})

    def to_dict(self) -> dict[str, Any]:
        """Return the data in the units of the constructor's arguments."""
        outside = super().to_dict()
        outside["u_channel_lo"] = [
            [oscillator.to_dict() for oscillator in channel] for channel in self.u_channel_lo
        ]
        if self.hamiltonian is None:
            del outside["hamiltonian"]
        return outside

    @property
    def sample_rate(self) -> float:
        """How many samples a second a signal has, in Hz."""
        return float(1.0 / self.dt)

    def _to_si(self, name: str, value: Any) -> Any:
        return _scaled_by_kind(name, value, self._units[name][0])

    def _from_si(self, name: str, value: Any) -> Any:
        return _scaled_by_kind(name, value, self._units[name][1])


def _scaled_by_kind(name: str, value: Any, factor: float) -> Any:
    if name != "hamiltonian" or value is None:
        return scaled(value, factor)
    variables = {key: number * factor for key, number in value.get("vars", {}).items()}
    return {**value, "vars": variables} if "vars" in value else dict(value)
