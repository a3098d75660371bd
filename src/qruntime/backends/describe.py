# SPDX-License-Identifier: Apache-2.0
"""The configuration and properties of any Qiskit backend, in the models of version 1."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from qiskit.circuit import Instruction
from qiskit.providers import BackendV2
from qiskit.transpiler import Target

from qruntime.errors import InvalidInputError
from qruntime.program.models import (
    BackendConfiguration,
    BackendProperties,
    GateConfig,
    GateProperties,
    Nduv,
    configuration_from,
    properties_from,
)

_NOT_GATES = frozenset({"measure", "delay", "barrier"})
_CONTROL_FLOW = frozenset(
    {
        "box",
        "break",
        "break_loop",
        "continue",
        "continue_loop",
        "for_loop",
        "if_else",
        "switch_case",
        "while_loop",
    }
)


def configuration_of(backend: BackendV2) -> BackendConfiguration:
    """Return the backend's own configuration in our model, or one made from its target."""
    if not isinstance(backend, BackendV2):
        raise InvalidInputError(
            f"a device is a Qiskit backend (BackendV2), not a {type(backend).__name__}"
        )
    own = getattr(backend, "configuration", None)
    stated = own() if callable(own) else None
    if isinstance(stated, Mapping) or hasattr(stated, "to_dict"):
        return configuration_from(stated)
    target = backend.target
    left_out = _NOT_GATES | _CONTROL_FLOW | {"reset"}
    names = [name for name in target.operation_names if name not in left_out]
    coupling = target.build_coupling_map()
    optional: dict[str, Any] = {}
    if backend.max_circuits is not None:
        optional["max_experiments"] = backend.max_circuits
    if target.dt is not None:
        optional["dt"] = target.dt * 1e9
    return BackendConfiguration(
        backend_name=str(backend.name),
        backend_version=str(backend.backend_version or "0"),
        n_qubits=target.num_qubits,
        basis_gates=names,
        gates=[_gate_config(target, name) for name in names],
        local=False,
        simulator="simulator" in str(backend.name).lower(),
        conditional=bool(_CONTROL_FLOW.intersection(target.operation_names)),
        open_pulse=False,
        memory=True,
        max_shots=_max_shots(backend),
        coupling_map=None if coupling is None else [list(edge) for edge in coupling.get_edges()],
        supported_instructions=list(target.operation_names),
        description=backend.description,
        **optional,
    )


def properties_of(backend: BackendV2) -> BackendProperties | None:
    """Return the backend's own properties in our model, or the calibration that its target holds.

    None where the target has no calibration at all.
    """
    own = getattr(backend, "properties", None)
    if callable(own):
        properties = own()
        return None if properties is None else properties_from(properties)
    target = backend.target
    now = datetime.datetime.now(datetime.UTC)
    gates = list(_gate_properties(target, now))
    qubits = [_qubit_properties(target, qubit, now) for qubit in range(target.num_qubits or 0)]
    if not any(qubits) and not any(gate.parameters for gate in gates):
        return None
    return BackendProperties(
        backend_name=str(backend.name),
        backend_version=str(backend.backend_version or "0"),
        last_update_date=now,
        qubits=qubits,
        gates=gates,
        general=[],
    )


def _max_shots(backend: BackendV2) -> int:
    validator = getattr(backend.options, "validator", {}).get("shots")
    return int(validator[1]) if isinstance(validator, tuple) else 1_000_000


def _gate_config(target: Target, name: str) -> GateConfig:
    operation = target.operation_from_name(name)
    parameters = (
        [str(parameter) for parameter in operation.params]
        if isinstance(operation, Instruction)
        else []
    )
    places = target.qargs_for_operation_name(name)
    coupling = None if places is None else [list(qubits) for qubits in places]
    return GateConfig(name, parameters, "", coupling_map=coupling)


def _gate_properties(target: Target, now: datetime.datetime) -> Iterator[GateProperties]:
    for name in target.operation_names:
        if name in _NOT_GATES | _CONTROL_FLOW:
            continue
        for qubits, calibrated in (target[name] or {}).items():
            if qubits is None:
                continue
            values = []
            if calibrated is not None and calibrated.error is not None:
                values.append(Nduv(now, "gate_error", "", calibrated.error))
            if calibrated is not None and calibrated.duration is not None:
                values.append(Nduv(now, "gate_length", "ns", calibrated.duration * 1e9))
            yield GateProperties(list(qubits), name, values)


def _qubit_properties(target: Target, qubit: int, now: datetime.datetime) -> list[Nduv]:
    values = []
    held = target.qubit_properties[qubit] if target.qubit_properties else None
    for field, name, unit, scale in (
        ("t1", "T1", "us", 1e6),
        ("t2", "T2", "us", 1e6),
        ("frequency", "frequency", "GHz", 1e-9),
    ):
        value = getattr(held, field, None)
        if value is not None:
            values.append(Nduv(now, name, unit, value * scale))
    readout = (target["measure"] or {}).get((qubit,)) if "measure" in target else None
    if readout is not None and readout.error is not None:
        values.append(Nduv(now, "readout_error", "", readout.error))
    if readout is not None and readout.duration is not None:
        values.append(Nduv(now, "readout_length", "ns", readout.duration * 1e9))
    return values
