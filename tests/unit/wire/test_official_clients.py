# SPDX-License-Identifier: Apache-2.0
"""IBM's client reads what we write, and we read what it writes."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, quantum_info
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import RXGate, XGate
from qiskit.primitives.containers import (
    BitArray,
    DataBin,
    PrimitiveResult,
    PubResult,
    SamplerPubResult,
)
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import Operator, Pauli, PauliList, SparsePauliOp
from qiskit.result import Result
from qiskit.transpiler import CouplingMap

from qruntime.wire import decode, encode

official = pytest.importorskip("qiskit_ibm_runtime")

# Their reader of noise models calls a function that Aer has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:from_dict has been deprecated:DeprecationWarning")

NOW = datetime.datetime(2026, 11, 22, 8, 0, tzinfo=datetime.UTC)


def write_official(value: Any) -> str:
    return json.dumps(value, cls=official.RuntimeEncoder)


def read_official(text: str) -> Any:
    return json.loads(text, cls=official.RuntimeDecoder)


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2, metadata={"qubits": (0, 1)})
    circuit.rx(2 * Parameter("t"), 0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def noise_model() -> Any:
    noise = pytest.importorskip("qiskit_aer.noise")
    model = noise.NoiseModel()
    model.add_quantum_error(noise.kraus_error([np.diag([1, 1j])]), ["sx"], [0])
    return model


def spans() -> Any:
    from qiskit_ibm_runtime import execution_span as span

    return span.ExecutionSpans(
        [
            span.SliceSpan(NOW, NOW, {0: ((2, 3), slice(1, 4))}),
            span.DoubleSliceSpan(NOW, NOW, {1: ((5,), slice(0, 2), slice(3, 4))}),
            span.TwirledSliceSpan(NOW, NOW, {0: ((2, 5), True, slice(0, 2), slice(3, 4))}),
            span.TwirledSliceSpanV2(NOW, NOW, {0: ((2, 5), False, slice(0, 2), slice(3, 4), 7)}),
        ]
    )


def learned_noise() -> Any:
    from qiskit_ibm_runtime.results import LayerError, NoiseLearnerResult, PauliLindbladError

    error = PauliLindbladError(PauliList(["XX", "ZZ"]), np.array([0.1, 0.2]))
    return NoiseLearnerResult([LayerError(bell(), [3, 4], error)], metadata={"n": 1})


def estimator_result() -> Any:
    from qiskit_ibm_runtime.results import EstimatorPubResult

    return EstimatorPubResult(DataBin(evs=np.ones(2), shape=(2,)), metadata={"shots": 4})


def sampler_result() -> PrimitiveResult:
    data = DataBin(
        meas=BitArray.from_counts([{"00": 3, "11": 1}, {"01": 4}]),
        c=BitArray.from_counts([{"1": 4}, {"0": 4}]),
        shape=(2,),
    )
    return PrimitiveResult(
        [SamplerPubResult(data, {"circuit_metadata": {}}), PubResult(DataBin(evs=np.array(0.5)))],
        metadata={"version": 2, "execution": {"execution_spans": spans()}},
    )


def result() -> Result:
    experiment = {"shots": 1, "success": True, "data": {"counts": {"0x1": 1}}, "header": {"n": 1}}
    return Result.from_dict(
        {"backend_name": "b", "success": True, "date": NOW, "results": [experiment]}
    )


def described(value: Any) -> Any:
    """Return something comparable, for types that define no equality."""
    if isinstance(value, (list, tuple, PrimitiveResult)):
        inner = [described(item) for item in value]
        return [inner, described(value.metadata)] if isinstance(value, PrimitiveResult) else inner
    if isinstance(value, dict):
        return {key: described(item) for key, item in value.items()}
    if isinstance(value, PubResult) or type(value).__name__ == "NoiseLearnerResult":
        return [type(value), described(value.data), described(value.metadata)]
    if isinstance(value, DataBin):
        return [value.shape, described(dict(value.items()))]
    return described_leaf(value)


def described_leaf(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [value.dtype, value.shape, described(value.tolist())]
    if isinstance(value, ObservablesArray):
        return [value.shape, value.tolist()]
    if isinstance(value, BindingsArray):
        return [value.shape, described(dict(value.data))]
    if isinstance(value, Result):
        return described(value.to_dict())
    if hasattr(value, "_json"):
        return [type(value), described(value._json())]
    return value


TRAVEL_AS_LISTS = {"SamplerPub", "EstimatorPub", "CouplingMap"}
MAKERS = {
    "json": lambda: {"a": [1, 2.5, None, True, "ä"], "b": {"c": -0.0}},
    "infinity": lambda: [float("inf"), -float("inf")],
    "datetime": lambda: NOW,
    "complex": lambda: [1 + 2j, np.complex128(3j)],
    "ndarray": lambda: [np.arange(6).reshape(2, 3), np.array(1.5), np.array(["a", "bc"])],
    "object array": lambda: np.array([1, None, "x"], dtype=object),
    "int64": lambda: np.int64(3),
    "set": lambda: {1, 2},
    "Result": result,
    "QuantumCircuit": bell,
    "Parameter": lambda: Parameter("θ"),
    "ParameterView": lambda: bell().parameters,
    "Instruction": lambda: [XGate(), RXGate(Parameter("x"))],
    "SparsePauliOp": lambda: SparsePauliOp(["XZ", "II"], [1, 2j]),
    "Pauli": lambda: Pauli("-iXY"),
    "PauliList": lambda: PauliList(["XX", "-YZ"]),
    "Operator": lambda: Operator(np.diag([1, 1j])),
    "SuperOp": lambda: quantum_info.SuperOp(np.eye(4)),
    "Kraus": lambda: quantum_info.Kraus([np.eye(2)]),
    "PauliLindbladMap": lambda: quantum_info.PauliLindbladMap.from_list([("XX", 0.5)]),
    "CouplingMap": lambda: CouplingMap([(0, 1)]),
    "ObservablesArray": lambda: ObservablesArray([["XX", {"ZZ": 0.5}]]),
    "BindingsArray": lambda: BindingsArray({("a", "b"): np.ones((3, 2)), "c": np.ones(3)}),
    "BitArray": lambda: BitArray.from_samples(["001", "110"]),
    "PrimitiveResult": sampler_result,
    "EstimatorPubResult": estimator_result,
    "SamplerPub": lambda: SamplerPub.coerce((bell(), [[0.5]], 10)),
    "EstimatorPub": lambda: EstimatorPub.coerce((bell(), ["ZZ", "XX"], [0.5], 0.1)),
    "ExecutionSpans": spans,
    "NoiseLearnerResult": learned_noise,
    "NoiseModel": noise_model,
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_official_client_reads_what_we_write(name: str) -> None:
    value = MAKERS[name]()

    theirs = read_official(encode({"x": value}))["x"]

    assert described(theirs) == described(read_official(write_official({"x": value}))["x"])


@pytest.mark.parametrize("name", MAKERS)
def test_we_read_what_the_official_client_writes(name: str) -> None:
    text = write_official({"x": MAKERS[name]()})

    assert described(decode(text)["x"]) == described(read_official(text)["x"])


@pytest.mark.parametrize("name", [n for n in MAKERS if n not in TRAVEL_AS_LISTS])
def test_what_the_official_client_reads_equals_what_was_sent(name: str) -> None:
    value = MAKERS[name]()
    expected = list(value) if name == "ParameterView" else value

    assert described(read_official(encode(value))) == described(expected)


def test_the_official_client_sees_tuples_as_lists() -> None:
    assert read_official(encode({"x": (1, (2, 3j))})) == {"x": [1, [2, 3j]]}


def test_the_official_client_sees_tuples_in_circuit_metadata_as_lists() -> None:
    assert read_official(encode(bell())).metadata == {"qubits": [0, 1]}


def test_the_official_client_sees_a_dict_that_looks_like_a_tag_as_pairs() -> None:
    value = {"__type__": "complex", "note": 1}

    assert dict(read_official(encode({"x": value}))["x"]) == value


def test_the_official_client_sees_an_element_of_a_vector_as_a_parameter() -> None:
    element = ParameterVector("x", 3)[1]

    theirs = read_official(encode(element))

    assert (theirs.name, theirs.uuid) == (element.name, element.uuid)


def test_sparse_matrices_go_both_ways() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.array([[0, 1j], [2, 0]]))

    assert (read_official(encode(matrix)) != matrix).nnz == 0
    assert (decode(write_official(matrix)) != matrix).nnz == 0


def test_states_that_the_official_client_writes_but_cannot_read_are_read() -> None:
    state = quantum_info.Statevector([0.6, 0.8j])

    assert decode(write_official(state)) == state


def test_an_extrapolator_written_as_an_array_is_read_as_its_name() -> None:
    assert decode(write_official(np.array("linear", dtype=object))) == "linear"
