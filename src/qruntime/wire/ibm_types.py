# SPDX-License-Identifier: Apache-2.0
"""The result types that only qiskit-ibm-runtime has: execution spans and learned noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qiskit.primitives.containers import PubResult

from qruntime.errors import UndecodableError
from qruntime.wire.packing import Budget
from qruntime.wire.tree import CLASS, VALUE, tagged

Reader = Callable[[dict[str, Any], Budget], Any]

# Official clients write this module's name, wherever the classes have moved to since.
_NOISE_MODULE = "qiskit_ibm_runtime.utils.noise_learner_result"
_NOISE_CLASSES = frozenset({"LayerError", "PauliLindbladError"})

# Tag: (class, which parts of a data slice are slices and travel as a start and a stop).
_SPANS = {
    "ExecutionSpan": ("SliceSpan", (False, True)),
    "DoubleSliceSpan": ("DoubleSliceSpan", (False, True, True)),
    "TwirledSliceSpan": ("TwirledSliceSpan", (False, False, True, True)),
    "TwirledSliceSpanV2": ("TwirledSliceSpanV2", (False, False, True, True, False)),
}


def _ibm_class(package: str, name: str) -> Any:
    """Return a class of qiskit-ibm-runtime; both names come from this file, never from data."""
    try:
        if package == "execution_span":
            from qiskit_ibm_runtime import execution_span as module
        else:
            module = _noise_module()
    except ImportError as error:
        raise UndecodableError(
            f"'{name}' needs qiskit-ibm-runtime: pip install 'qruntime[ibm]'"
        ) from error
    if not hasattr(module, name):
        raise UndecodableError(f"the installed qiskit-ibm-runtime does not know '{name}'")
    return getattr(module, name)


def _noise_module() -> Any:
    try:
        from qiskit_ibm_runtime.results import noise_learner
    except ImportError:  # before 0.48
        from qiskit_ibm_runtime.utils import noise_learner_result

        return noise_learner_result
    return noise_learner


def _span_writer(tag: str) -> Callable[[Any, int | None], dict[str, Any]]:
    def write_span(value: Any, _: int | None) -> dict[str, Any]:
        pub_shots = getattr(value, "_pub_shots", {})
        slices = {
            str(index): _flatten(parts) + ([pub_shots[index]] if index in pub_shots else [])
            for index, parts in value._data_slices.items()
        }
        return tagged(tag, {"start": value.start, "stop": value.stop, "data_slices": slices})

    return write_span


def _flatten(parts: tuple[Any, ...]) -> list[Any]:
    flat: list[Any] = []
    for part in parts:
        if isinstance(part, slice):
            flat += [part.start, part.stop]
        else:
            flat.append(list(part) if isinstance(part, tuple) else part)
    return flat


def _span_reader(name: str, sliced: tuple[bool, ...]) -> Reader:
    def read_span(body: dict[str, Any], _: Budget) -> Any:
        value = body[VALUE]
        slices = {
            int(index): _unflatten(parts, sliced) for index, parts in value["data_slices"].items()
        }
        return _ibm_class("execution_span", name)(value["start"], value["stop"], slices)

    return read_span


def _unflatten(flat: list[Any], sliced: tuple[bool, ...]) -> tuple[Any, ...]:
    if len(flat) != len(sliced) + sum(sliced):
        raise UndecodableError(f"a data slice of {len(flat)} parts")
    rest = iter(flat)
    parts: list[Any] = [
        slice(next(rest), next(rest)) if is_slice else next(rest) for is_slice in sliced
    ]
    return (tuple(parts[0]), *parts[1:])


def _write_spans(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("ExecutionSpans", {"spans": list(value)})


def _read_spans(body: dict[str, Any], _: Budget) -> Any:
    return _ibm_class("execution_span", "ExecutionSpans")(body[VALUE]["spans"])


def _write_estimator_result(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("EstimatorPubResult", {"data": value.data, "metadata": value.metadata})


def _read_estimator_result(body: dict[str, Any], _: Budget) -> PubResult:
    """Without qiskit-ibm-runtime, return the class that its own is a drawing subclass of."""
    try:
        from qiskit_ibm_runtime.results import EstimatorPubResult
    except ImportError:
        return PubResult(body[VALUE]["data"], body[VALUE].get("metadata"))
    return EstimatorPubResult(body[VALUE]["data"], body[VALUE].get("metadata"))


def _write_learned(value: Any, _: int | None) -> dict[str, Any]:
    return tagged("NoiseLearnerResult", {"data": value.data, "metadata": value.metadata})


def _read_learned(body: dict[str, Any], _: Budget) -> Any:
    kind = _ibm_class("noise", "NoiseLearnerResult")
    return kind(body[VALUE]["data"], body[VALUE].get("metadata"))


def _write_noise_part(value: Any, _: int | None) -> dict[str, Any]:
    where = {"__module__": _NOISE_MODULE, CLASS: type(value).__name__}
    return tagged("_json", value._json(), **where)


def _read_noise_part(body: dict[str, Any], _: Budget) -> Any:
    name = body.get(CLASS)
    if name not in _NOISE_CLASSES:
        raise UndecodableError(
            f"unknown class {name!s:.80}; known: {', '.join(sorted(_NOISE_CLASSES))}"
        )
    return _ibm_class("noise", str(name))(**body[VALUE])


WRITERS: dict[tuple[str, str], Callable[[Any, int | None], Any]] = {
    ("qiskit_ibm_runtime", "ExecutionSpans"): _write_spans,
    ("qiskit_ibm_runtime", "EstimatorPubResult"): _write_estimator_result,
    ("qiskit_ibm_runtime", "NoiseLearnerResult"): _write_learned,
    ("qiskit_ibm_runtime", "LayerError"): _write_noise_part,
    ("qiskit_ibm_runtime", "PauliLindbladError"): _write_noise_part,
    **{("qiskit_ibm_runtime", name): _span_writer(tag) for tag, (name, _) in _SPANS.items()},
}

READERS: dict[str, Reader] = {
    "ExecutionSpans": _read_spans,
    "ExecutionSpanCollection": _read_spans,
    "EstimatorPubResult": _read_estimator_result,
    "NoiseLearnerResult": _read_learned,
    "_json": _read_noise_part,
    **{tag: _span_reader(name, sliced) for tag, (name, sliced) in _SPANS.items()},
}
