# SPDX-License-Identifier: Apache-2.0
"""Whatever a document contains, reading it gives a value or an UndecodableError, soon."""

from __future__ import annotations

import base64
import datetime
import io
import json
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult
from qiskit.quantum_info import Operator, SparsePauliOp

from qruntime.errors import UndecodableError
from qruntime.wire import RuntimeDecoder, decode, encode

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def circuit() -> QuantumCircuit:
    made = QuantumCircuit(2, 1, name="c", metadata={"a": [1]})
    made.rx(Parameter("t"), 0)
    made.measure(0, 0)
    return made


VALID = encode(
    {
        "array": np.arange(4.0),
        "objects": np.array([1, None], dtype=object),
        "circuit": circuit(),
        "parameter": Parameter("p"),
        "operators": [SparsePauliOp("XZ"), Operator(np.eye(2))],
        "result": PrimitiveResult([PubResult(DataBin(m=BitArray.from_samples(["01"])))]),
        "other": (1, {2}, 1j, datetime.date(2020, 1, 2), {"__type__": 1}),
    }
)
TAGS = [
    "complex", "datetime", "ndarray", "set", "spmatrix", "to_json", "QuantumCircuit", "Instruction",
    "Parameter", "ParameterExpression", "settings", "PauliLindbladMap", "Result", "NoiseModel",
    "BitArray", "DataBin", "PubResult", "SamplerPubResult", "EstimatorPubResult",
    "PrimitiveResult", "ObservablesArray", "BindingsArray", "ExecutionSpans", "ExecutionSpan",
    "TwirledSliceSpanV2", "NoiseLearnerResult", "_json",
]  # fmt: skip


def tag(name: Any, value: Any, **more: Any) -> str:
    return json.dumps({"__type__": name, "__value__": value, **more})


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def attempt(text: str | bytes) -> None:
    try:
        decode(text)
    except UndecodableError:
        return


@FUZZ
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    attempt(data)


@FUZZ
@given(st.integers(0, len(VALID)), st.integers(0, 6), st.text('[]{}",:\\0eA_\ud800', max_size=4))
def test_documents_with_a_piece_replaced(start: int, length: int, piece: str) -> None:
    attempt(VALID[:start] + piece + VALID[start + length :])


FIELDS = st.sampled_from(
    ["data", "array", "num_bits", "shape", "fields", "metadata", "pub_results", "paulis", "spans",
     "num_qubits", "data_slices", "start", "stop", "results", "errors", "coeffs", "dims", "x"]
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=8,
)
CLASSES = st.sampled_from(["Operator", "Kraus", "PauliList", "tuple", "dict", "LayerError", "date"])


@FUZZ
@given(st.sampled_from(TAGS), json_values, CLASSES)
@pytest.mark.filterwarnings("ignore")
def test_tags_with_values_of_another_form(name: str, value: Any, kind: str) -> None:
    attempt(tag(name, value, __class__=kind, __module__="qiskit.quantum_info.operators"))


@FUZZ
@given(st.integers(0, 127), st.binary(min_size=1, max_size=4))
def test_arrays_whose_bytes_are_changed(start: int, piece: bytes) -> None:
    stream = io.BytesIO()
    np.save(stream, np.arange(4.0))
    data = stream.getvalue()

    attempt(tag("ndarray", packed(data[:start] + piece + data[start + len(piece) :])))


@FUZZ
@given(st.data())
def test_circuits_that_end_too_early(data: Any) -> None:
    stream = io.BytesIO()
    qpy.dump(circuit(), stream, version=min(17, qpy.QPY_VERSION))
    end = data.draw(st.integers(0, len(stream.getvalue()) - 1))

    with pytest.raises(UndecodableError):
        decode(tag("QuantumCircuit", packed(stream.getvalue()[:end])))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        ("1" * 5000, "4300 digits"),
        (tag("mystery", 1), "unknown '__type__' 'mystery'.*known: .*QuantumCircuit"),
        (tag("Circuit", 1), "did you mean 'QuantumCircuit'"),
        (tag(["x"], 1), "must be a string"),
        ('{"__type__": "set"}', "without its '__value__'"),
        (tag("ndarray", "????"), "broken 'ndarray'"),
        (tag("ndarray", base64.b64encode(b"abc").decode()), "broken 'ndarray': error: Error -3"),
        (tag("ndarray", packed(b"abc")), "broken 'ndarray'"),
        (tag("QuantumCircuit", 5), "expected base64 text, not int"),
        (tag("QuantumCircuit", packed(b"PK" * 40)), "not QPY"),
        (tag("set", [[]]), "unhashable"),
        (tag("to_json", [1], __class__="deque"), "unknown class 'deque'; known: tuple, dict"),
        ("[" * 100_000, "deeper than 200"),
        ('{"a":' * 201 + "1" + "}" * 201, "deeper than 200"),
        ('["' + "[" * 300 + '", ' + "[" * 200 + "]" * 201, "deeper than 200"),
    ],
)
def test_broken_documents_are_named(text: str | bytes, message: str) -> None:
    with pytest.raises(UndecodableError, match=message):
        decode(text)


def test_brackets_within_strings_are_not_depth() -> None:
    value = ["[" * 300, '\\"[{' * 100, [], {}]

    assert decode(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("subprocess", "Operator"),
        ("qiskit.quantum_info.operators", "ScalarOp"),
        ("qiskit.algorithms.optimizers.spsa", "SPSA"),
    ],
)
def test_data_never_name_code(module: str, name: str) -> None:
    with pytest.raises(UndecodableError, match=rf"unknown class {module}\.{name}; known"):
        decode(tag("settings", {"data": "echo"}, __module__=module, __class__=name))


def test_a_circuit_is_never_expanded_into_a_matrix() -> None:
    value = {"data": json.loads(encode(QuantumCircuit(40)))}

    with pytest.raises(UndecodableError, match="must be an array"):
        decode(tag("settings", value, __module__="qiskit.quantum_info.x", __class__="Operator"))


def test_pickles_within_arrays_are_refused() -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([print], dtype=object), allow_pickle=True)

    with pytest.raises(UndecodableError, match="broken 'ndarray'"):
        decode(tag("ndarray", packed(stream.getvalue())))


@pytest.mark.parametrize("field", ["QuantumCircuit", "ndarray"])
def test_a_decompression_bomb_is_refused(field: str) -> None:
    bomb = tag(field, packed(bytes(10_000_000)))

    with pytest.raises(UndecodableError, match="more than 1000000 bytes; raise max_bytes"):
        decode(bomb, max_bytes=1_000_000)


def test_the_limit_holds_for_all_values_of_a_document_together() -> None:
    text = encode([np.zeros(1000), np.zeros(1000)])

    assert len(decode(text, max_bytes=17_000)) == 2
    with pytest.raises(UndecodableError, match="more than 16000"):
        decode(text, max_bytes=16_000)


def test_the_limit_starts_anew_for_each_document() -> None:
    text, decoder = encode(np.zeros(1000)), RuntimeDecoder(max_bytes=9_000)

    assert decoder.decode(text).shape == decoder.decode(text).shape


@pytest.mark.parametrize("shape", ["(10000000000,)", "(0, 7)", "(4, -1)", "(0,)"])
def test_an_array_that_claims_another_size_is_refused_before_it_is_allocated(shape: str) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.encode() + bytes(32)

    with pytest.raises(UndecodableError, match="broken 'ndarray'"):
        decode(tag("ndarray", packed(data)))


def test_a_circuit_that_claims_too_many_qubits_is_refused_before_it_is_allocated() -> None:
    for version in (13, min(17, qpy.QPY_VERSION), qpy.QPY_VERSION):
        stream = io.BytesIO()
        qpy.dump(QuantumCircuit(1234), stream, version=version)
        at = stream.getvalue().index(struct.pack("!I", 1234))
        data = stream.getvalue()[:at] + struct.pack("!I", 1_000_001) + stream.getvalue()[at + 4 :]

        with pytest.raises(UndecodableError, match="a circuit of 1000001 qubits"):
            decode(tag("QuantumCircuit", packed(data)))


def test_a_noise_model_on_too_many_qubits_is_refused_before_it_is_built() -> None:
    pytest.importorskip("qiskit_aer")
    step = {"name": "x", "qubits": [10_000]}
    error = {
        "type": "qerror",
        "operations": ["x"],
        "probabilities": [1.0],
        "instructions": [[step]],
    }

    with pytest.raises(UndecodableError, match="more than 500 qubits"):
        decode(tag("NoiseModel", {"errors": [error]}))


def test_sparse_indices_out_of_range_are_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(3))
    matrix.indices[1] = 10**6
    stream = io.BytesIO()
    sparse.save_npz(stream, matrix)

    with pytest.raises(UndecodableError, match="broken 'spmatrix'"):
        decode(tag("spmatrix", base64.b64encode(stream.getvalue()).decode()))


def test_a_sparse_matrix_that_unpacks_to_too_much_is_refused() -> None:
    pytest.importorskip("scipy.sparse")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", bytes(2_000_000))

    with pytest.raises(UndecodableError, match="more than 1000000 bytes"):
        decode(tag("spmatrix", base64.b64encode(stream.getvalue()).decode()), max_bytes=1_000_000)
