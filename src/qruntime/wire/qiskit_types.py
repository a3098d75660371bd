# SPDX-License-Identifier: Apache-2.0
"""Circuits, instructions, parameters, operators, states, results and noise models on the wire."""

from __future__ import annotations

import base64
import functools
import io
import struct
import uuid
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qpy, quantum_info
from qiskit.circuit import Parameter
from qiskit.exceptions import QiskitError
from qiskit.result import Result

from qruntime.errors import NotSerializableError, UndecodableError
from qruntime.wire.packing import Budget, pack, unpack, unpack_base64
from qruntime.wire.tree import CLASS, VALUE, tagged

OLDEST_READABLE_QPY = 13
"""Reading older versions can execute code of the sender's choice."""

OFFICIAL_QPY = 17
"""The newest version that IBM's clients write: what an unknown reader can be expected to know."""

MAX_BITS = 1_000_000
"""A circuit's qubits or classical bits; Qiskit's reader allocates what a header claims."""

MAX_NOISE_QUBITS = 500
"""Qubits of one error in a noise model; Aer allocates memory for the square of the number."""

_VECTOR = "__vector__"
_MODULE = "__module__"
_PARAMETER_HEADER = struct.Struct("!H16s")
_FILE_HEADER = struct.Struct("!6sBBBBQc")
_TABLE_ENTRY = struct.Struct("!Q")
_CIRCUIT_HEADER = struct.Struct("!H1cHIIQIQI")

# Classes of qiskit.quantum_info that official clients write by their `settings`.
_SETTINGS_CLASSES = {
    name: getattr(quantum_info, name)
    for name in (
        "Chi",
        "Choi",
        "DensityMatrix",
        "Kraus",
        "Operator",
        "PTM",
        "Pauli",
        "PauliList",
        "SparsePauliOp",
        "Statevector",
        "Stinespring",
        "SuperOp",
    )
}
_SETTINGS_DATA = (np.ndarray, str, list, tuple, quantum_info.PauliList)


def _pack_circuit(circuit: QuantumCircuit, qpy_version: int | None) -> str:
    from qruntime.wire.codec import MetadataEncoder

    version = min(OFFICIAL_QPY if qpy_version is None else qpy_version, qpy.QPY_VERSION)
    oldest = max(OLDEST_READABLE_QPY, qpy.QPY_COMPATIBILITY_VERSION)
    if version < oldest:
        raise NotSerializableError(
            f"the reader knows QPY only up to version {version}; this Qiskit writes "
            f"{oldest} to {qpy.QPY_VERSION}"
        )
    stream = io.BytesIO()
    try:
        qpy.dump(circuit, stream, metadata_serializer=MetadataEncoder, version=version)
    except NotSerializableError:
        raise
    except (QiskitError, TypeError, ValueError, OverflowError, struct.error) as error:
        raise NotSerializableError(
            f"a circuit cannot be written as QPY version {version}: {error}"
        ) from error
    return pack(stream.getvalue())


def _unpack_circuit(text: Any, budget: Budget) -> QuantumCircuit:
    from qruntime.wire.codec import RuntimeDecoder

    data = unpack(text, budget)
    _check_headers(data)
    metadata_decoder = functools.partial(RuntimeDecoder, max_bytes=budget.left)
    with warnings.catch_warnings():
        # Older readers warn about elements of a vector that the circuit does not use.
        warnings.filterwarnings("ignore", "The ParameterVector", UserWarning)
        return qpy.load(io.BytesIO(data), metadata_deserializer=metadata_decoder)[0]


def _check_headers(data: bytes) -> None:
    """Check what Qiskit's reader would act on unseen.

    Only the outermost circuit is checked: a forged header of a circuit inside it (the body of a
    control-flow operation, a definition) can still make Qiskit's reader allocate without bound.
    """
    magic, version, *_, programs, _ = _FILE_HEADER.unpack_from(data)
    if magic != b"QISKIT":
        raise UndecodableError("not QPY data")
    if not OLDEST_READABLE_QPY <= version <= qpy.QPY_VERSION:
        raise UndecodableError(
            f"QPY version {version}; this side reads {OLDEST_READABLE_QPY} to {qpy.QPY_VERSION}"
        )
    if programs != 1:
        raise UndecodableError(f"QPY data with {programs} circuits where one is expected")
    start = _FILE_HEADER.size + 1
    if version >= 16:
        (start,) = _TABLE_ENTRY.unpack_from(data, start)
    qubits, clbits = _CIRCUIT_HEADER.unpack_from(data, start)[3:5]
    if max(qubits, clbits) > MAX_BITS:
        raise UndecodableError(
            f"a circuit of {qubits} qubits and {clbits} classical bits; at most {MAX_BITS} of each"
        )


def _write_circuit(value: Any, qpy_version: int | None) -> dict[str, Any]:
    return tagged("QuantumCircuit", _pack_circuit(value, qpy_version))


def _read_circuit(body: dict[str, Any], budget: Budget) -> QuantumCircuit:
    return _unpack_circuit(body[VALUE], budget)


def _write_instruction(value: Any, qpy_version: int | None) -> dict[str, Any]:
    circuit = QuantumCircuit(value.num_qubits, value.num_clbits)
    circuit.append(value, circuit.qubits, circuit.clbits)
    return tagged("Instruction", _pack_circuit(circuit, qpy_version))


def _read_instruction(body: dict[str, Any], budget: Budget) -> Any:
    (instruction,) = _unpack_circuit(body[VALUE], budget).data
    return instruction.operation


def _write_parameter(value: Any, _: int | None) -> dict[str, Any]:
    name = value.name.encode("utf-8")
    data = _PARAMETER_HEADER.pack(len(name), value.uuid.bytes) + name
    return tagged("Parameter", base64.b64encode(data).decode("ascii"))


def _write_vector_element(value: Any, qpy_version: int | None) -> dict[str, Any]:
    """Official readers take it for a plain Parameter; the circuit beside it keeps the vector."""
    carrier = QuantumCircuit(global_phase=value)
    return {**_write_parameter(value, None), _VECTOR: _pack_circuit(carrier, qpy_version)}


def _read_parameter(body: dict[str, Any], budget: Budget) -> Any:
    if _VECTOR in body:
        return _unpack_circuit(body[_VECTOR], budget).global_phase
    data = unpack_base64(body[VALUE])
    size, identity = _PARAMETER_HEADER.unpack_from(data)
    name = data[_PARAMETER_HEADER.size :]
    if len(name) != size:
        raise UndecodableError("the name does not have the length that its header claims")
    return Parameter(name.decode("utf-8"), uuid=uuid.UUID(bytes=identity))


def _write_expression(value: Any, qpy_version: int | None) -> dict[str, Any]:
    carrier = QuantumCircuit(global_phase=value)
    return tagged("ParameterExpression", _pack_circuit(carrier, qpy_version))


def _read_expression(body: dict[str, Any], budget: Budget) -> Any:
    return _unpack_circuit(body[VALUE], budget).global_phase


def _write_settings(value: Any, _: int | None) -> dict[str, Any]:
    kind = next(base for base in type(value).__mro__ if base in _SETTINGS_CLASSES.values())
    where = {_MODULE: kind.__module__, CLASS: kind.__name__}
    return tagged("settings", value.settings, **where)


def _read_settings(body: dict[str, Any], _: Budget) -> Any:
    module, name, settings = body.get(_MODULE), body.get(CLASS), body[VALUE]
    kind = _SETTINGS_CLASSES.get(name) if isinstance(name, str) else None
    if kind is None or not str(module).startswith("qiskit.quantum_info."):
        raise UndecodableError(
            f"unknown class {module!s:.80}.{name!s:.80}; known, of qiskit.quantum_info: "
            f"{', '.join(_SETTINGS_CLASSES)}"
        )
    # A circuit here would be expanded to a matrix of exponential size.
    if not isinstance(settings.get("data"), _SETTINGS_DATA):
        raise UndecodableError(f"the data of {name} must be an array, text or a list")
    return kind(**settings)


def _write_lindblad_map(value: Any, _: int | None) -> dict[str, Any]:
    paulis = [[paulis, list(qubits), rate] for paulis, qubits, rate in value.to_sparse_list()]
    return tagged("PauliLindbladMap", {"paulis": paulis, "num_qubits": value.num_qubits})


def _read_lindblad_map(body: dict[str, Any], _: Budget) -> Any:
    value = body[VALUE]
    return quantum_info.PauliLindbladMap.from_sparse_list(
        [tuple(term) for term in value["paulis"]], num_qubits=value["num_qubits"]
    )


def _write_result(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("Result", value.to_dict())


def _read_result(body: dict[str, Any], _: Budget) -> Result:
    return Result.from_dict(body[VALUE])


def _write_noise_model(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("NoiseModel", value.to_dict())


def _read_noise_model(body: dict[str, Any], _: Budget) -> Any:
    try:
        from qiskit_aer.noise import NoiseModel
    except ImportError as error:
        raise UndecodableError(
            "a noise model needs Qiskit Aer: pip install 'qruntime[aer]'"
        ) from error
    _check_noise(body[VALUE])
    with warnings.catch_warnings():
        # Deprecated by Aer, which offers nothing in its place.
        warnings.simplefilter("ignore", DeprecationWarning)
        return NoiseModel.from_dict(body[VALUE])


def _check_noise(value: dict[str, Any]) -> None:
    steps = (
        step
        for error in value["errors"]
        for circuit in error.get("instructions", ())
        for step in circuit
    )
    if any(qubit >= MAX_NOISE_QUBITS for step in steps for qubit in step["qubits"]):
        raise UndecodableError(f"an error on more than {MAX_NOISE_QUBITS} qubits")


def _write_parameters(value: Any, _: int | None) -> list[Any]:
    return list(value)


def _write_coupling(value: Any, _: int | None) -> list[list[int]]:
    return [list(edge) for edge in value.get_edges()]


WRITERS: dict[tuple[str, str], Callable[[Any, int | None], Any]] = {
    ("qiskit", "QuantumCircuit"): _write_circuit,
    ("qiskit", "Instruction"): _write_instruction,
    ("qiskit", "Parameter"): _write_parameter,
    ("qiskit", "ParameterVectorElement"): _write_vector_element,
    ("qiskit", "ParameterExpression"): _write_expression,
    ("qiskit", "ParameterVector"): _write_parameters,
    ("qiskit", "ParameterView"): _write_parameters,
    ("qiskit", "CouplingMap"): _write_coupling,
    ("qiskit", "PauliLindbladMap"): _write_lindblad_map,
    ("qiskit", "Result"): _write_result,
    ("qiskit_aer", "NoiseModel"): _write_noise_model,
    **{("qiskit", name): _write_settings for name in _SETTINGS_CLASSES},
}

READERS: dict[str, Callable[[dict[str, Any], Budget], Any]] = {
    "QuantumCircuit": _read_circuit,
    "Instruction": _read_instruction,
    "Parameter": _read_parameter,
    "ParameterExpression": _read_expression,
    "settings": _read_settings,
    "PauliLindbladMap": _read_lindblad_map,
    "Result": _read_result,
    "NoiseModel": _read_noise_model,
}
