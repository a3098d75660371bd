# SPDX-License-Identifier: Apache-2.0
"""The closed table: which types may travel, and what writes and reads each of them."""

from __future__ import annotations

import datetime
import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from qruntime.errors import UndecodableError, nearest
from qruntime.wire.packing import Budget, read_array, read_sparse, write_array, write_sparse
from qruntime.wire.tree import CLASS, TYPE, VALUE, refuse, tagged

Reader = Callable[[dict[str, Any], Budget], Any]
Writer = Callable[[Any, "int | None"], Any]

_PACKAGES = frozenset({"qiskit", "qiskit_aer", "qiskit_ibm_runtime", "scipy"})
_ALLOWED = (
    "None, bool, int, float, str, complex, list, tuple, dict, set, date, datetime",
    "NumPy arrays and scalars",
    "SciPy sparse matrices",
    "Qiskit's circuits, instructions, parameters, operators, states, results and the primitives' "
    "containers",
    "Aer's NoiseModel",
)


def write(value: Any, qpy_version: int | None) -> Any:
    """Return the form in which an object travels: a tag, whose values may need writing in turn.

    Raises NotSerializableError.
    """
    if isinstance(value, np.ndarray):
        return write_array(value)
    if isinstance(value, (complex, set, frozenset, datetime.date)):
        return _write_basic(value)
    writer = _writer_for(type(value))
    if writer is not None:
        return writer(value, qpy_version)
    if hasattr(value, "to_json") and not isinstance(value, type):
        return tagged("to_json", value.to_json())
    if callable(value):
        warnings.warn(
            f"{value!r:.200} is callable and cannot travel; null is sent in its place",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    raise refuse(value, _ALLOWED)


def read(body: dict[str, Any], budget: Budget) -> Any:
    """Return what a tag stands for. Raises UndecodableError."""
    tag, reader = body[TYPE], check_tag(body)
    try:
        return reader(body, budget)
    except UndecodableError as error:
        raise UndecodableError(f"broken '{tag}': {error}") from error
    except Exception as error:  # process edge: hostile data can provoke anything in a library
        raise UndecodableError(f"broken '{tag}': {type(error).__name__}: {error!s:.300}") from error


def check_tag(body: dict[str, Any]) -> Reader:
    """Return what reads a tagged object. Raises UndecodableError if nothing does."""
    reader = _reader_for(body[TYPE])
    if VALUE not in body:
        raise UndecodableError(f"a '{body[TYPE]}' without its '{VALUE}'")
    return reader


def _write_basic(value: Any) -> dict[str, Any]:
    if isinstance(value, complex):
        return tagged("complex", [value.real, value.imag])
    if isinstance(value, set):
        return tagged("set", list(value))
    if isinstance(value, frozenset):
        return tagged("set", list(value), **{CLASS: "frozenset"})
    if isinstance(value, datetime.datetime):
        return tagged("datetime", value.isoformat())
    return tagged("datetime", value.isoformat(), **{CLASS: "date"})


def _read_complex(body: dict[str, Any], _: Budget) -> complex:
    real, imag = body[VALUE]
    return complex(real, imag)


def _read_set(body: dict[str, Any], _: Budget) -> Any:
    return frozenset(body[VALUE]) if body.get(CLASS) == "frozenset" else set(body[VALUE])


def _read_datetime(body: dict[str, Any], _: Budget) -> datetime.date:
    kind = datetime.date if body.get(CLASS) == "date" else datetime.datetime
    return kind.fromisoformat(body[VALUE])


def _read_to_json(body: dict[str, Any], _: Budget) -> Any:
    value = body[VALUE]
    match body.get(CLASS):
        case None:
            return value
        case "tuple":
            return tuple(value)
        case "dict":
            return dict(value)
        case other:
            raise UndecodableError(f"unknown class {other!r:.80}; known: tuple, dict")


_BASIC_READERS: dict[str, Reader] = {
    "complex": _read_complex,
    "set": _read_set,
    "datetime": _read_datetime,
    "to_json": _read_to_json,
    "ndarray": read_array,
    "spmatrix": read_sparse,
}


@functools.cache
def _readers() -> dict[str, Reader]:
    from qruntime.wire import ibm_types, primitive_types, qiskit_types

    return {
        **_BASIC_READERS,
        **qiskit_types.READERS,
        **primitive_types.READERS,
        **ibm_types.READERS,
    }


def _reader_for(tag: Any) -> Reader:
    if not isinstance(tag, str):
        raise UndecodableError(f"the '{TYPE}' of a value must be a string, not {tag!r:.80}")
    reader = _BASIC_READERS.get(tag) or _readers().get(tag)
    if reader is None:
        known = sorted(_readers())
        raise UndecodableError(
            f"unknown '{TYPE}' {tag[:80]!r}{nearest(tag[:80], known)}; known: {', '.join(known)}"
        )
    return reader


@functools.cache
def _writers() -> dict[tuple[str, str], Writer]:
    """Keys are the top package and the class: finding a writer must import nothing."""
    from qruntime.wire import ibm_types, primitive_types, qiskit_types

    return {
        ("scipy", "spmatrix"): write_sparse,
        ("scipy", "sparray"): write_sparse,
        **qiskit_types.WRITERS,
        **primitive_types.WRITERS,
        **ibm_types.WRITERS,
    }


def _writer_for(kind: type) -> Writer | None:
    for base in kind.__mro__:
        package = str(base.__module__).partition(".")[0]
        if package in _PACKAGES:
            writer = _writers().get((package, base.__name__))
            if writer is not None:
                return writer
    return None
