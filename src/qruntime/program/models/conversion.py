# SPDX-License-Identifier: Apache-2.0
"""Our data models from what other libraries and devices have: their objects, or dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qruntime.errors import InvalidInputError
from qruntime.program.models.configuration import QasmBackendConfiguration
from qruntime.program.models.properties import BackendProperties, parse_date
from qruntime.program.models.pulse import PulseBackendConfiguration

_PULSE_DATA = {
    "n_uchannels",
    "u_channel_lo",
    "meas_levels",
    "qubit_lo_range",
    "meas_lo_range",
    "dt",
    "dtm",
    "rep_times",
    "meas_kernels",
    "discriminators",
}
_DEFAULTS: dict[str, Any] = {
    "gates": (),
    "local": False,
    "simulator": False,
    "conditional": False,
    "open_pulse": False,
    "memory": False,
    "max_shots": None,
    "coupling_map": None,
}


def configuration_from(source: Any) -> QasmBackendConfiguration:
    """Return ``source`` as our configuration: our object, a dictionary, or one with ``to_dict()``.

    Our object comes back as it is. A dictionary is read in the units of ``to_dict``, and with
    complex numbers and dates as JSON has them. A device that offers pulses and gives all data
    for them becomes a ``PulseBackendConfiguration``. Raises InvalidInputError for anything else.
    """
    if isinstance(source, QasmBackendConfiguration):
        return source
    data = _dictionary(source, "configuration")
    defaults = {
        name: getattr(source, name, default)
        for name, default in _DEFAULTS.items()
        if name not in data
    }
    fields = {**defaults, **data}
    kind: type[QasmBackendConfiguration] = QasmBackendConfiguration
    if fields["open_pulse"] and fields.keys() >= _PULSE_DATA:
        kind = PulseBackendConfiguration
    try:
        if "u_channel_lo" in fields:
            fields["u_channel_lo"] = [
                [_with_complex_scale(item) for item in channel]
                for channel in fields["u_channel_lo"]
            ]
        if "online_date" in fields:
            fields["online_date"] = parse_date(fields["online_date"])
        return kind.from_dict(fields)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"not a usable backend configuration: {error}") from error


def properties_from(source: Any) -> BackendProperties:
    """Return ``source`` as our properties: our object, a dictionary, or one with ``to_dict()``.

    Our object comes back as it is. Dates may be text. Raises InvalidInputError for anything
    else, and BackendPropertyError for a unit that is not known.
    """
    if isinstance(source, BackendProperties):
        return source
    data = _dictionary(source, "properties")
    try:
        gates = [{**gate, "parameters": _dated(gate["parameters"])} for gate in data["gates"]]
        fields = {
            **data,
            "qubits": [_dated(qubit) for qubit in data["qubits"]],
            "gates": gates,
            "general": _dated(data.get("general", ())),
        }
        return BackendProperties.from_dict(fields)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"not usable backend properties: {error}") from error


def _dictionary(source: Any, what: str) -> dict[str, Any]:
    if isinstance(source, Mapping):
        return dict(source)
    to_dict = getattr(source, "to_dict", None)
    data = to_dict() if callable(to_dict) else None
    if not isinstance(data, Mapping):
        raise InvalidInputError(
            f"no backend {what} can be read from {type(source).__name__}; "
            "allowed: our own class, a dictionary, an object with to_dict()"
        )
    return dict(data)


def _with_complex_scale(oscillator: Any) -> Any:
    if not isinstance(oscillator, dict) or not isinstance(oscillator["scale"], list | tuple):
        return oscillator
    return {**oscillator, "scale": complex(*oscillator["scale"])}


def _dated(values: Any) -> list[dict[str, Any]]:
    return [{**value, "date": parse_date(value["date"])} for value in values]
