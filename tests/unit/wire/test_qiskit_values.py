# SPDX-License-Identifier: Apache-2.0
"""Qiskit's objects come back equal."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, quantum_info
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector, QuantumRegister
from qiskit.circuit.library import CXGate, Measure, RXGate, UnitaryGate, XGate
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
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
from qiskit.quantum_info import Operator, Pauli, PauliList, SparsePauliOp, Statevector
from qiskit.result import Counts, QuasiDistribution, Result
from qiskit.transpiler import CouplingMap

from qruntime.errors import NotSerializableError, UndecodableError
from qruntime.wire import decode, encode, plain

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def qpy_version(text: str) -> int:
    return zlib.decompress(base64.b64decode(decode_raw(text)))[6]


def decode_raw(text: str) -> str:
    return str(json.loads(text)["__value__"])


@st.composite
def circuits(draw: Any) -> QuantumCircuit:
    vector, loose = ParameterVector("θ", 3), Parameter("a b")
    angles = st.recursive(
        st.sampled_from([*vector, loose]) | st.floats(-4, 4).map(lambda x: loose * 0 + x),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda pair: pair[0] + 2 * pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1] - 1),
            inner.map(lambda x: x.sin()),
            inner.map(lambda x: x**2),
        ),
        max_leaves=4,
    )
    circuit = QuantumCircuit(
        QuantumRegister(2, "q"), QuantumRegister(1, "anc"), ClassicalRegister(2, "c")
    )
    circuit.global_phase = draw(angles)
    circuit.metadata = {"xval": draw(st.floats(-1, 1)), "z": 1j, "n": np.int64(3)}
    for _ in range(draw(st.integers(0, 6))):
        gate = draw(st.sampled_from(["rx", "cx", "u", "measure", "if", "unitary"]))
        if gate == "rx":
            circuit.rx(draw(angles), draw(st.integers(0, 2)))
        elif gate == "u":
            circuit.u(draw(angles), 0.5, draw(angles), 0)
        elif gate == "cx":
            circuit.cx(0, 2)
        elif gate == "unitary":
            circuit.unitary(np.eye(2) * 1j, [1])
        elif gate == "measure":
            circuit.measure(0, 1)
        else:
            with circuit.if_test((circuit.clbits[1], 1)):
                circuit.x(1)
    return circuit


@FEW
@given(circuits(), st.sampled_from([None, 13, 15, 17]))
def test_circuits_with_parameter_expressions_come_back(
    circuit: QuantumCircuit, version: int | None
) -> None:
    back = decode(encode([circuit], qpy_version=version))[0]

    assert back == circuit
    assert back.metadata == circuit.metadata
    assert back.parameters == circuit.parameters


@FEW
@given(circuits())
def test_parameter_expressions_come_back(circuit: QuantumCircuit) -> None:
    back = decode(encode({"angle": circuit.global_phase}))["angle"]

    assert back == circuit.global_phase


def test_a_parameter_comes_back_as_the_same_parameter() -> None:
    parameter = Parameter("θ₁")

    back = decode(encode(parameter))

    assert (type(back), back, back.name) == (Parameter, parameter, "θ₁")


def test_an_element_of_a_vector_knows_its_vector() -> None:
    vector = ParameterVector("x", 4)

    back = decode(encode(list(vector)))

    assert back == list(vector)
    assert (back[2].index, back[2].vector.name, len(back[2].vector)) == (2, "x", 4)


def test_vectors_and_views_travel_as_lists() -> None:
    vector = ParameterVector("x", 2)
    circuit = QuantumCircuit(1)
    circuit.u(vector[0], vector[1], 0, 0)

    assert decode(encode([vector, circuit.parameters])) == [list(vector)] * 2


@pytest.mark.parametrize(
    "instruction",
    [XGate(), CXGate(), RXGate(0.5), RXGate(Parameter("t")), UnitaryGate(np.eye(4)), Measure()],
    ids=lambda gate: gate.name,
)
def test_instructions_come_back(instruction: Any) -> None:
    assert decode(encode(instruction)) == instruction


@pytest.mark.parametrize(("asked", "written"), [(None, 17), (13, 13), (16, 16), (99, None)])
def test_circuits_are_written_at_the_version_that_the_reader_knows(
    asked: int | None, written: int | None
) -> None:
    from qiskit.qpy import QPY_VERSION

    text = encode(QuantumCircuit(1), qpy_version=asked)

    assert qpy_version(text) == min(written or QPY_VERSION, QPY_VERSION)


def test_a_reader_that_is_too_old_for_any_version_is_named() -> None:
    with pytest.raises(NotSerializableError, match=r"result\.c: .*only up to version 12"):
        encode({"c": QuantumCircuit(1)}, qpy_version=12, root="result")


def test_qpy_of_an_unsafe_version_is_refused() -> None:
    packed = decode_raw(encode(QuantumCircuit(1)))
    data = bytearray(zlib.decompress(base64.b64decode(packed)))
    data[6] = 12
    unsafe = base64.b64encode(zlib.compress(data)).decode()
    text = f'{{"__type__": "QuantumCircuit", "__value__": "{unsafe}"}}'

    with pytest.raises(UndecodableError, match="QPY version 12; this side reads 13 to"):
        decode(text)


QUANTUM_INFO = [
    SparsePauliOp.from_list([("XZ", 1), ("YI", 2j)]),
    SparsePauliOp(["XX", "ZZ"], np.array([Parameter("a"), Parameter("b") * 2 + 1])),
    Pauli("-iXYZ"),
    Pauli("X" * 80),
    PauliList(["XX", "-iYZ"]),
    Operator(np.diag([1, 1j, 1, -1]), input_dims=(2, 2), output_dims=(4,)),
    Statevector([0.6, 0.8j]),
    Statevector(np.eye(6)[0], dims=(2, 3)),
    quantum_info.DensityMatrix([[0.5, 0], [0, 0.5]]),
    quantum_info.SuperOp(np.eye(4)),
    quantum_info.Kraus([np.eye(2)]),
    quantum_info.Kraus(([np.eye(2)], [np.eye(2) * 1j])),
    quantum_info.PauliLindbladMap.from_list([("XXI", 0.5), ("IZZ", 0.25)]),
]


@pytest.mark.parametrize("value", QUANTUM_INFO, ids=lambda value: type(value).__name__)
def test_operators_and_states_come_back(value: Any) -> None:
    back = decode(encode({"x": value}))["x"]

    assert type(back) is type(value)
    assert back == value


def test_counts_and_quasi_distributions_travel_as_dicts() -> None:
    sent = [Counts({"0x3": 5}), QuasiDistribution({0: 0.25, 3: 0.75})]

    assert decode(encode(sent)) == [{"11": 5}, {"0": 0.25, "3": 0.75}]


def test_a_coupling_map_travels_as_its_edges() -> None:
    assert decode(encode(CouplingMap([(0, 1), (1, 2)]))) == [[0, 1], [1, 2]]


def test_a_result_comes_back_with_its_data() -> None:
    experiment = {
        "shots": 4,
        "success": True,
        "header": {"name": "c", "memory_slots": 1, "creg_sizes": [["c", 1]]},
        "data": {"counts": {"0x1": 4}, "statevector": Statevector([0, 1j])},
    }
    sent = Result.from_dict(
        {"backend_name": "b", "job_id": "1", "success": True, "results": [experiment], "x": (1,)}
    )

    back = decode(encode(sent))

    assert back.to_dict() == sent.to_dict()
    assert back.get_counts() == {"1": 4}


bit_arrays = st.integers(1, 12).flatmap(
    lambda bits: st.lists(
        st.integers(0, 2**bits - 1), min_size=1, max_size=6
    ).map(lambda samples: BitArray.from_samples(samples, bits))
)  # fmt: skip


@st.composite
def pub_results(draw: Any) -> PubResult:
    fields = draw(
        st.dictionaries(
            st.sampled_from(["meas", "c0", "c1", "evs_raw"]),
            bit_arrays | st.floats().map(np.asarray),
            min_size=1,
        )
    )
    metadata = draw(st.dictionaries(st.text(max_size=4), st.tuples(st.integers()), max_size=2))
    kind = draw(st.sampled_from([PubResult, SamplerPubResult]))
    return kind(DataBin(**fields), metadata)


def flattened(result: PrimitiveResult) -> list[Any]:
    return [
        (
            type(pub),
            pub.metadata,
            pub.data.shape,
            [
                (name, field if isinstance(field, BitArray) else (field.dtype, field.tobytes()))
                for name, field in pub.data.items()
            ],
        )
        for pub in result
    ]


@FEW
@given(st.lists(pub_results(), max_size=3), st.dictionaries(st.text(max_size=4), st.integers()))
def test_primitive_results_with_several_registers_come_back(
    pubs: list[PubResult], metadata: dict[str, int]
) -> None:
    sent = PrimitiveResult(pubs, metadata=metadata)

    back = decode(encode(sent))

    assert back.metadata == metadata
    assert flattened(back) == flattened(sent)


def test_an_expectation_value_keeps_its_shape_even_if_given_as_a_scalar() -> None:
    back = decode(encode(DataBin(evs=np.float64(0.5))))

    assert back.evs.shape == ()


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_arrays_of_observables_and_bindings_come_back(shape: tuple[int, ...]) -> None:
    observables = ObservablesArray(np.full(shape, "XZ").tolist())
    bindings = BindingsArray({("a", "b"): np.ones((*shape, 2)), "c": np.zeros(shape)})

    back = decode(encode([observables, bindings]))

    assert (back[0].shape, back[0].tolist()) == (shape, observables.tolist())
    assert back[1].shape == shape
    assert list(back[1].data) == list(bindings.data)
    assert all(np.array_equal(back[1].data[key], bindings.data[key]) for key in bindings.data)


def test_pubs_can_be_run_after_the_journey() -> None:
    parameter = Parameter("t")
    circuit = QuantumCircuit(1)
    circuit.rx(parameter, 0)
    estimator_pub = EstimatorPub.coerce((circuit, "Z", [[0.0], [np.pi]], 0.0))
    measured = circuit.measure_all(inplace=False)
    sampler_pub = SamplerPub.coerce((measured, [[np.pi]], 10))

    first, second = decode(encode([estimator_pub, sampler_pub]))

    assert np.allclose(StatevectorEstimator().run([first]).result()[0].data.evs, [1, -1])
    assert StatevectorSampler().run([second]).result()[0].data.meas.get_counts() == {"1": 10}


def test_a_noise_model_with_kraus_matrices_comes_back() -> None:
    noise = pytest.importorskip("qiskit_aer.noise")
    model = noise.NoiseModel()
    kraus = [np.sqrt(0.9) * np.eye(2), np.sqrt(0.1) * np.array([[0, -1j], [1j, 0]])]
    model.add_quantum_error(noise.kraus_error(kraus), ["sx"], [0])
    model.add_all_qubit_quantum_error(noise.depolarizing_error(0.1, 2), ["cx"])
    model.add_readout_error([[0.9, 0.1], [0.2, 0.8]], [1])

    assert decode(encode({"noise_model": model}))["noise_model"] == model


def test_the_plain_view_shows_a_circuit_as_a_tag() -> None:
    view = plain({"c": QuantumCircuit(1)})["c"]

    assert view["__type__"] == "QuantumCircuit"
    assert isinstance(view["__value__"], str)


def test_plain_values_travel_without_importing_qiskit() -> None:
    code = (
        "import sys, numpy\n"
        "from qruntime.wire import encode, decode\n"
        "decode(encode({'x': (1, 2j, numpy.ones(2)), 's': {3}}))\n"
        "heavy = {'qiskit', 'qiskit_aer', 'qiskit_ibm_runtime', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr.strip() == ""
