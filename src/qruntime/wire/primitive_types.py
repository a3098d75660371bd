# SPDX-License-Identifier: Apache-2.0
"""The containers of Qiskit's V2 primitives on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit.primitives.containers import (
    BitArray,
    DataBin,
    PrimitiveResult,
    PubResult,
    SamplerPubResult,
)
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.observables_array import ObservablesArray

from qruntime.errors import UndecodableError
from qruntime.wire.packing import Budget
from qruntime.wire.tree import VALUE, tagged


def _write_bit_array(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("BitArray", {"array": value.array, "num_bits": value.num_bits})


def _read_bit_array(body: dict[str, Any], _: Budget) -> BitArray:
    return BitArray(body[VALUE]["array"], body[VALUE]["num_bits"])


def _write_data_bin(value: Any, _: int | None) -> dict[str, Any]:
    fields = {
        # A NumPy scalar would come back as a float without a shape.
        name: np.asarray(field) if isinstance(field, np.generic) else field
        for name, field in value.items()
    }
    return tagged(
        "DataBin", {"field_names": list(fields), "shape": list(value.shape), "fields": fields}
    )


def _read_data_bin(body: dict[str, Any], _: Budget) -> DataBin:
    return DataBin(shape=tuple(body[VALUE]["shape"] or ()), **body[VALUE]["fields"])


def _write_pub_result(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("PubResult", {"data": value.data, "metadata": value.metadata})


def _write_sampler_pub_result(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("SamplerPubResult", {"data": value.data, "metadata": value.metadata})


def _read_pub_result(body: dict[str, Any], _: Budget) -> PubResult:
    return PubResult(body[VALUE]["data"], body[VALUE].get("metadata"))


def _read_sampler_pub_result(body: dict[str, Any], _: Budget) -> SamplerPubResult:
    return SamplerPubResult(body[VALUE]["data"], body[VALUE].get("metadata"))


def _write_primitive_result(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("PrimitiveResult", {"pub_results": list(value), "metadata": value.metadata})


def _read_primitive_result(body: dict[str, Any], _: Budget) -> PrimitiveResult:
    return PrimitiveResult(body[VALUE]["pub_results"], metadata=body[VALUE].get("metadata"))


def _write_observables(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("ObservablesArray", value.tolist())


def _read_observables(body: dict[str, Any], _: Budget) -> ObservablesArray:
    return ObservablesArray(body[VALUE])


def _write_bindings(value: Any, _: int | None) -> dict[str, Any]:
    data = {json.dumps(list(names)): array for names, array in value.data.items()}
    return tagged("BindingsArray", {"shape": list(value.shape), "data": data})


def _read_bindings(body: dict[str, Any], _: Budget) -> BindingsArray:
    data = {_read_names(names): array for names, array in (body[VALUE].get("data") or {}).items()}
    return BindingsArray(data, shape=body[VALUE].get("shape"))


def _read_names(text: str) -> tuple[str, ...]:
    names = json.loads(text)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UndecodableError("the keys of the data must be JSON lists of parameter names")
    return tuple(names)


def _write_sampler_pub(value: Any, _: int | None) -> list[Any]:
    values = value.parameter_values.as_array(value.circuit.parameters)
    return [value.circuit, values, value.shots]


def _write_estimator_pub(value: Any, _: int | None) -> list[Any]:
    values = value.parameter_values.as_array(value.circuit.parameters)
    return [value.circuit, value.observables.tolist(), values, value.precision]


WRITERS: dict[tuple[str, str], Callable[[Any, int | None], Any]] = {
    ("qiskit", "BitArray"): _write_bit_array,
    ("qiskit", "DataBin"): _write_data_bin,
    ("qiskit", "PubResult"): _write_pub_result,
    ("qiskit", "SamplerPubResult"): _write_sampler_pub_result,
    ("qiskit", "PrimitiveResult"): _write_primitive_result,
    ("qiskit", "ObservablesArray"): _write_observables,
    ("qiskit", "BindingsArray"): _write_bindings,
    ("qiskit", "SamplerPub"): _write_sampler_pub,
    ("qiskit", "EstimatorPub"): _write_estimator_pub,
}

READERS: dict[str, Callable[[dict[str, Any], Budget], Any]] = {
    "BitArray": _read_bit_array,
    "DataBin": _read_data_bin,
    "PubResult": _read_pub_result,
    "SamplerPubResult": _read_sampler_pub_result,
    "PrimitiveResult": _read_primitive_result,
    "ObservablesArray": _read_observables,
    "BindingsArray": _read_bindings,
}
