# SPDX-License-Identifier: Apache-2.0
"""One contract of ``run`` for every backend."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import pi
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Gate, Parameter, ParameterVector
from qiskit.providers import JobStatus, JobV1, Options
from qiskit.result import Result
from tests.brokered import KEY, Conversation, device_of

from qruntime import (
    AerBackend,
    BackendConfiguration,
    FinishedJob,
    InvalidCircuitError,
    InvalidInputError,
    ProgramBackend,
    ProviderBackend,
    UnknownOptionError,
    UnsupportedOptionError,
)
from qruntime.backends.circuits import bind_parameters, check_instructions, read_circuits
from qruntime.backends.options import check_known, checked, given, integer
from qruntime.backends.wrappers import WatchedBackend
from qruntime.engine.broker.reader import Reader
from qruntime.testing.provider import StubProvider

Make = Callable[[], ProgramBackend]


class SmallDevice(ProgramBackend):
    """Five qubits and three gates, computed shot by shot: a device author's own backend."""

    def __init__(self) -> None:
        super().__init__(
            BackendConfiguration(
                backend_name="small",
                backend_version="1",
                n_qubits=5,
                basis_gates=["x", "rx", "cx"],
                gates=[],
                local=True,
                simulator=True,
                conditional=False,
                open_pulse=False,
                memory=True,
                max_shots=100_000,
                coupling_map=None,
            )
        )

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1024, memory=False, seed_simulator=None)

    def run(
        self,
        circuits: Any = None,
        timeout: float | None = None,
        *,
        run_input: Any = None,
        parameter_binds: Any = None,
        **run_config: Any,
    ) -> FinishedJob:
        check_known(run_config, self.options, backend=self.name())
        fields = checked(given(run_config, self._default_options()), {"shots": integer(1, 100_000)})
        options = {**dict(self.options), **fields}
        read = read_circuits(circuits, run_input)
        known = frozenset({"x", "rx", "cx", "measure", "barrier"})
        check_instructions(read, known, backend=self.name())
        bound = bind_parameters(read, parameter_binds)
        rng = np.random.default_rng(options["seed_simulator"])
        results = [_counted(circuit, options, rng) for circuit in bound]
        return FinishedJob(self, Result.from_dict({"success": True, "results": results}))


def _counted(circuit: QuantumCircuit, options: dict[str, Any], rng: np.random.Generator) -> Any:
    memory = [_shot(circuit, rng) for _ in range(options["shots"])]
    counts = {value: memory.count(value) for value in sorted(set(memory))}
    return {
        "shots": options["shots"],
        "success": True,
        "data": {"counts": counts} | ({"memory": memory} if options["memory"] else {}),
        "header": {
            "name": circuit.name,
            "memory_slots": circuit.num_clbits,
            "creg_sizes": [[register.name, register.size] for register in circuit.cregs],
        },
    }


def _shot(circuit: QuantumCircuit, rng: np.random.Generator) -> str:
    """Classical bits are enough for circuits whose rotations come before everything else."""
    qubits, clbits = [0] * circuit.num_qubits, 0
    for item in circuit.data:
        where = [circuit.find_bit(bit).index for bit in item.qubits]
        if item.name == "x":
            qubits[where[0]] ^= 1
        elif item.name == "rx":
            qubits[where[0]] ^= int(rng.random() < np.sin(float(item.params[0]) / 2) ** 2)
        elif item.name == "cx":
            qubits[where[1]] ^= qubits[where[0]]
        elif item.name == "measure":
            clbits |= qubits[where[0]] << circuit.find_bit(item.clbits[0]).index
    return hex(clbits)


def _manila() -> Any:
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    return FakeManilaV2()


def _generic() -> Any:
    from qiskit.providers.fake_provider import GenericBackendV2

    return GenericBackendV2(5, coupling_map=[[place, place + 1] for place in range(4)], seed=11)


def _basic() -> Any:
    from qiskit.providers.basic_provider import BasicSimulator

    return BasicSimulator()


def _watched(backend: ProgramBackend) -> ProgramBackend:
    return WatchedBackend(backend, before_run=lambda: None, after_run=lambda usage: None)


@cache
def _conversation() -> Conversation:
    return Conversation(device_of(StubProvider(key=KEY)), Reader())


MAKERS: dict[str, Make] = {
    "aer": AerBackend,
    "aer statevector": lambda: AerBackend(method="statevector"),
    "aer mps": lambda: AerBackend(method="matrix_product_state"),
    "aer from a device": lambda: AerBackend.from_device(_manila()),
    "provider: fake manila": lambda: ProviderBackend(_manila()),
    "provider: generic": lambda: ProviderBackend(_generic()),
    "provider: basic simulator": lambda: ProviderBackend(_basic()),
    "watched aer": lambda: _watched(AerBackend()),
    "watched provider": lambda: _watched(ProviderBackend(_basic())),
    "brokered": lambda: _conversation().backend(),
    "a device author's": SmallDevice,
}
DEVICES = ["aer from a device", "provider: fake manila", "provider: generic", "brokered"]
OURS = [name for name in MAKERS if name != "a device author's"]
AER = ["aer", "aer statevector", "aer mps", "aer from a device", "watched aer"]
every_backend = pytest.mark.parametrize("kind", MAKERS)
ours = pytest.mark.parametrize("kind", OURS)
devices = pytest.mark.parametrize("kind", DEVICES)
aer = pytest.mark.parametrize("kind", AER)

_MADE: dict[str, ProgramBackend] = {}


@pytest.fixture
def backend(kind: str) -> ProgramBackend:
    """One instance a kind for all tests: no test changes its options."""
    if kind not in _MADE:
        _MADE[kind] = MAKERS[kind]()
    return _MADE[kind]


def flipped(*ones: int, size: int = 3, name: str = "flip", **more: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(size, size, name=name, **more)
    for qubit in ones:
        circuit.x(qubit)
    circuit.measure(range(size), range(size))
    return circuit


def turned(backend: ProgramBackend, angle: Any, name: str = "turn") -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1, name=name)
    circuit.rx(angle, 0)
    circuit.measure(0, 0)
    names = backend.target.operation_names
    return circuit if "rx" in names else transpile(circuit, backend, optimization_level=0)


def most(counts: dict[str, int]) -> str:
    return max(counts, key=lambda key: counts[key])


# The job


@every_backend
def test_the_job_has_finished_when_run_returns(backend: ProgramBackend) -> None:
    job = backend.run(flipped(0), shots=20)

    assert isinstance(job, JobV1)
    assert job.status() is JobStatus.DONE
    assert job.in_final_state()
    assert job.cancel() is False
    assert job.backend().name == backend.name


@every_backend
def test_each_job_has_its_own_id(backend: ProgramBackend) -> None:
    ids = {backend.run(flipped(), shots=1).job_id() for _ in range(3)}

    assert len(ids) == 3
    assert all(isinstance(item, str) and item for item in ids)


# The result


@every_backend
def test_the_result_is_qiskits_and_can_be_asked_twice(backend: ProgramBackend) -> None:
    job = backend.run(flipped(0), shots=20)

    assert isinstance(job.result(), Result)
    assert job.result() is job.result()
    assert job.result().success
    assert job.result().to_dict()["results"][0]["shots"] == 20


@every_backend
def test_counts_are_found_by_index_by_circuit_and_by_name(backend: ProgramBackend) -> None:
    first, second = flipped(0, name="one"), flipped(2, name="two")

    result = backend.run([first, second], shots=200).result()

    assert most(result.get_counts(0)) == "001"
    assert most(result.get_counts(1)) == "100"
    assert result.get_counts(second) == result.get_counts(1) == result.get_counts("two")
    assert [most(counts) for counts in result.get_counts()] == ["001", "100"]


@every_backend
def test_the_raw_counts_have_hexadecimal_keys(backend: ProgramBackend) -> None:
    result = backend.run(flipped(0, 1, 2), shots=100).result()

    assert most(result.results[0].data.counts) == "0x7"


@every_backend
def test_the_header_is_read_and_written_by_attribute_and_by_key(backend: ProgramBackend) -> None:
    header = backend.run(flipped(name="abc"), shots=10).result().results[0].header

    assert header.name == header["name"] == "abc"
    assert header.memory_slots == 3
    header.note = 1
    header["other"] = 2
    assert (header["note"], header.other) == (1, 2)


@every_backend
def test_memory_is_returned_when_asked_for(backend: ProgramBackend) -> None:
    memory = backend.run(flipped(1), shots=50, memory=True).result().get_memory()

    assert len(memory) == 50
    assert memory.count("010") > 25


@ours
def test_the_result_names_the_backend(backend: ProgramBackend) -> None:
    assert backend.run(flipped(), shots=1).result().backend_name == str(backend.name)


# The circuits


@every_backend
@pytest.mark.parametrize("keyword", ["circuits", "run_input"])
def test_circuits_may_be_given_by_keyword(backend: ProgramBackend, keyword: str) -> None:
    result = backend.run(**{keyword: flipped(0)}, shots=50).result()

    assert most(result.get_counts()) == "001"


@every_backend
def test_circuits_may_be_a_list_a_tuple_or_an_iterator(backend: ProgramBackend) -> None:
    circuit = flipped(0)
    found = [
        backend.run(given, shots=5).result().results
        for given in ([circuit] * 2, (circuit, circuit), iter([circuit, circuit]))
    ]

    assert [len(results) for results in found] == [2, 2, 2]


QASM_2 = """
OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
x q[1];
measure q -> c;
"""
QASM_3 = """
// a comment first
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[2] c;
x q[1];
c = measure q;
"""


@every_backend
def test_circuits_may_be_openqasm_text(backend: ProgramBackend) -> None:
    counts = backend.run([QASM_2, QASM_3, flipped(0)], shots=100).result().get_counts()

    assert [most(item) for item in counts] == ["10", "10", "001"]
    assert most(backend.run(QASM_3, shots=100).result().get_counts()) == "10"


# parameter_binds


@every_backend
def test_single_values_run_every_circuit_with_every_dict(backend: ProgramBackend) -> None:
    angle = Parameter("angle")
    pair = [turned(backend, angle), turned(backend, pi - angle)]

    binds = [{angle: 0}, {angle: pi}, {angle: 0}]
    counts = backend.run(pair, parameter_binds=binds, shots=100).result().get_counts()

    assert [most(item) for item in counts] == ["0", "1", "0", "1", "0", "1"]


@every_backend
def test_lists_run_each_circuit_with_its_own_dict(backend: ProgramBackend) -> None:
    a, b = Parameter("a"), Parameter("b")
    pair = [turned(backend, a), turned(backend, b)]

    binds = [{a: [0, pi, 0]}, {b: np.array([pi, 0])}]
    counts = backend.run(pair, parameter_binds=binds, shots=100).result().get_counts()

    assert [most(item) for item in counts] == ["0", "1", "0", "1", "0"]


@every_backend
def test_an_empty_dict_runs_its_circuit_once(backend: ProgramBackend) -> None:
    angle = Parameter("angle")
    pair = [flipped(0, size=1), turned(backend, angle)]

    binds = [{}, {angle: [0, pi]}]
    counts = backend.run(pair, parameter_binds=binds, shots=100).result().get_counts()

    assert [most(item) for item in counts] == ["1", "0", "1"]


@every_backend
@pytest.mark.parametrize("values", [[0.0, pi], [[0.0, pi], [pi, 0.0]]])
def test_a_parameter_vector_is_a_key(backend: ProgramBackend, values: Any) -> None:
    angles = ParameterVector("angles", 2)
    circuit = turned(backend, angles[0] * 1.0)
    circuit = circuit.compose(turned(backend, 0.0 * angles[1]), clbits=[0])

    binds = [{angles: values}]
    counts = backend.run(circuit, parameter_binds=binds, shots=100).result().get_counts()

    expected = "0" if np.ndim(values) == 1 else ["0", "1"]
    assert (most(counts) if isinstance(counts, dict) else [most(c) for c in counts]) == expected


@every_backend
def test_a_name_is_a_key_and_one_dict_needs_no_list(backend: ProgramBackend) -> None:
    circuit = turned(backend, Parameter("angle"))

    counts = backend.run(circuit, parameter_binds={"angle": pi}, shots=100).result().get_counts()

    assert most(counts) == "1"


@pytest.mark.parametrize("kind", ["aer", "aer mps"])
def test_lists_give_what_aers_own_parameter_binds_gives(backend: ProgramBackend) -> None:
    from qiskit_aer import AerSimulator

    a, b = Parameter("a"), Parameter("b")
    pair = [turned(backend, a), turned(backend, b + 0.1)]
    binds = [{a: [0.3, 1.2, 2.2]}, {b: [0.4, 2.9]}]
    method = backend.options.method
    backend.set_options(tier="aer")

    found = backend.run(pair, parameter_binds=binds, seed_simulator=5).result()

    theirs = AerSimulator(method=method).run(pair, parameter_binds=binds, seed_simulator=5).result()
    assert found.get_counts() == theirs.get_counts()


BAD_BINDS = {
    "mixes single values and lists": [{"angle": [1.0]}, {"angle": 2.0}],
    "2 dicts of lists for 1 circuits": [{"angle": [1.0]}, {"angle": [2.0]}],
    "no finite number": [{"angle": "pi"}],
    r"parameter_binds\[0\] is a list": [[1.0]],
    "is a float; it must be a list of dicts": 1.0,
    "at least one value": [{"angle": []}],
    "a key of type int": [{3: 1.0}],
    "does not fit circuit 0": [{"angle": 1.0, "other": 2.0}],
    "values of shape": [{ParameterVector("v", 3): [1.0, 2.0]}],
}


@every_backend
@pytest.mark.parametrize("message", BAD_BINDS)
def test_binds_that_do_not_fit_are_refused(backend: ProgramBackend, message: str) -> None:
    circuit = turned(backend, Parameter("angle"))

    with pytest.raises(InvalidInputError, match=message):
        backend.run(circuit, parameter_binds=BAD_BINDS[message])


# Circuits that are refused


@every_backend
def test_an_empty_list_is_refused(backend: ProgramBackend) -> None:
    with pytest.raises(InvalidCircuitError, match="empty"):
        backend.run([])


@every_backend
def test_a_run_without_circuits_is_refused(backend: ProgramBackend) -> None:
    with pytest.raises(InvalidCircuitError, match="no circuits were given"):
        backend.run(None)


@every_backend
def test_circuits_given_twice_are_refused(backend: ProgramBackend) -> None:
    with pytest.raises(InvalidInputError, match="not both"):
        backend.run(flipped(), run_input=flipped())


@every_backend
@pytest.mark.parametrize("wrong", [3, b"x", object()])
def test_what_is_not_a_circuit_is_refused_with_its_index(
    backend: ProgramBackend, wrong: object
) -> None:
    with pytest.raises(InvalidCircuitError, match=f"circuit 1 is a {type(wrong).__name__}") as info:
        backend.run([flipped(), wrong])

    assert info.value.index == 1


BAD_TEXT = {
    "not valid OpenQASM 2": 'OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; nothing q[0];',
    "not valid OpenQASM 3": "OPENQASM 3.0; qubit q; nothing q;",
    "not valid OpenQASM 3: ": "OPENQASM 3.0; def f(int a) {}",
    "not valid OpenQASM 3: QASM3ParsingError|not valid OpenQASM 3: L1": 'OPENQASM 3; "',
    "does not declare OPENQASM": "qreg q[1];",
}


@every_backend
@pytest.mark.parametrize("message", BAD_TEXT)
def test_broken_openqasm_is_refused_with_its_index(backend: ProgramBackend, message: str) -> None:
    with pytest.raises(InvalidCircuitError, match=message) as info:
        backend.run([flipped(), BAD_TEXT[message]])

    assert info.value.index == 1


@every_backend
def test_an_unbound_parameter_is_named_with_the_index_of_its_circuit(
    backend: ProgramBackend,
) -> None:
    one, two = Parameter("theta"), Parameter("phi")
    pair = [turned(backend, one), turned(backend, one + two)]

    with pytest.raises(
        InvalidCircuitError, match=r"circuit 1 .* unbound parameters: 'phi'"
    ) as info:
        backend.run(pair, parameter_binds=[{one: [0.1, 0.2]}, {one: [0.1]}])

    assert info.value.index == 1


@every_backend
def test_an_unknown_gate_is_refused_with_the_index(backend: ProgramBackend) -> None:
    circuit = flipped(name="odd")
    circuit.append(Gate("warp", 1, []), [0])

    with pytest.raises(InvalidCircuitError, match=r"circuit 1 \('odd'\) .* 'warp'") as info:
        backend.run([flipped(), circuit])

    assert info.value.index == 1


@every_backend
def test_an_unknown_gate_inside_control_flow_is_refused(backend: ProgramBackend) -> None:
    circuit = flipped()
    with circuit.if_test((circuit.clbits[0], 1)), circuit.for_loop(range(2)):
        circuit.append(Gate("warp", 1, []), [0])

    with pytest.raises(InvalidCircuitError, match="'warp'"):
        backend.run(circuit)


@devices
def test_a_circuit_wider_than_the_device_is_refused(backend: ProgramBackend) -> None:
    with pytest.raises(InvalidCircuitError, match=r"circuit 1 .* has 6 qubits; .* has 5") as info:
        backend.run([flipped(), flipped(size=6)])

    assert info.value.index == 1


@pytest.mark.parametrize("kind", ["aer", "aer statevector", "aer mps"])
def test_a_circuit_wider_than_the_method_is_refused(backend: ProgramBackend) -> None:
    wide = QuantumCircuit(70)
    wide.rx(0.1, range(70))
    wide.measure_all()

    with pytest.raises(InvalidCircuitError, match=r"circuit 0 .* uses 70 qubits; .* at most \d+"):
        backend.run(wide)


@devices
def test_a_gate_where_the_device_has_none_is_refused(backend: ProgramBackend) -> None:
    circuit = QuantumCircuit(5, 5)
    circuit.cx(0, 4)
    circuit.measure_all(add_bits=False)

    with pytest.raises(InvalidCircuitError, match=r"circuit 1 .* 'cx' on qubits \(0, 4\)") as info:
        backend.run([flipped(), circuit])

    assert info.value.index == 1


@pytest.mark.parametrize("kind", ["aer from a device", "provider: fake manila"])
def test_a_gate_inside_control_flow_is_looked_at_on_the_devices_own_qubits(
    backend: ProgramBackend,
) -> None:
    circuit = QuantumCircuit(5, 1)
    circuit.measure(2, 0)
    body = QuantumCircuit(2, 1)
    body.cx(0, 1)
    circuit.if_test((0, 1), body, [4, 0], [0])

    with pytest.raises(InvalidCircuitError, match=r"'cx' on qubits \(4, 0\)"):
        backend.run(circuit)


# Options


@every_backend
def test_options_of_a_run_override_those_of_the_backend(backend: ProgramBackend) -> None:
    before = dict(backend.options)

    result = backend.run(flipped(), shots=17).result()

    assert sum(result.get_counts().values()) == 17
    assert dict(backend.options) == before


@every_backend
def test_options_of_the_backend_hold_for_its_runs(kind: str) -> None:
    backend = MAKERS[kind]()

    backend.set_options(shots=13)

    assert sum(backend.run(flipped()).result().get_counts().values()) == 13
    assert sum(backend.run(flipped(), shots=14).result().get_counts().values()) == 14
    assert sum(backend.run(flipped()).result().get_counts().values()) == 13


@every_backend
def test_shots_none_means_not_given(kind: str) -> None:
    backend = MAKERS[kind]()
    backend.set_options(shots=13)

    counts = backend.run(flipped(), shots=None, memory=None).result().get_counts()

    assert sum(counts.values()) == 13


@every_backend
def test_a_seed_of_none_overrides_the_backends_seed(kind: str) -> None:
    backend = MAKERS[kind]()
    backend.set_options(seed_simulator=1)
    circuit = turned(backend, pi / 2)

    seeded = [backend.run(circuit).result().get_counts() for _ in range(2)]
    free = [backend.run(circuit, seed_simulator=None).result().get_counts() for _ in range(5)]

    assert seeded[0] == seeded[1]
    assert len({tuple(sorted(counts.items())) for counts in free}) > 1


@every_backend
def test_equal_seeds_give_equal_counts_and_different_seeds_do_not(backend: ProgramBackend) -> None:
    circuit = turned(backend, pi / 2)

    found = [
        backend.run(circuit, seed_simulator=seed, shots=1000, memory=True).result().get_memory()
        for seed in (1, 1, 2)
    ]

    assert found[0] == found[1]
    assert found[0] != found[2]


@every_backend
@pytest.mark.parametrize("number", [np.int64, np.int32, np.uint8])
def test_numpy_integers_are_integers(backend: ProgramBackend, number: Any) -> None:
    result = backend.run(flipped(), shots=number(12), seed_simulator=number(3)).result()

    assert sum(result.get_counts().values()) == 12


@every_backend
@pytest.mark.parametrize("shots", [0, -1, True, "10", 1.5, 10_000_000, float("nan")])
def test_bad_shots_are_refused(backend: ProgramBackend, shots: Any) -> None:
    with pytest.raises(InvalidInputError, match="option 'shots' must be"):
        backend.run(flipped(), shots=shots)


@every_backend
def test_an_unknown_option_is_refused_with_the_nearest_names(backend: ProgramBackend) -> None:
    with pytest.raises(UnknownOptionError, match="no option 'shotz'; did you mean 'shots'"):
        backend.run(flipped(), shotz=10)


@ours
def test_an_option_of_pulses_is_refused_with_the_reason(backend: ProgramBackend) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"'schedule_los' .* pulse"):
        backend.run(flipped(), schedule_los=[])


@ours
def test_set_options_refuses_what_it_does_not_know_and_changes_nothing(kind: str) -> None:
    backend = MAKERS[kind]()

    with pytest.raises(AttributeError, match="Options field shotz is not valid for this backend"):
        backend.set_options(shots=5, shotz=1)

    assert backend.options.shots == 1024


@ours
@pytest.mark.parametrize("fields", [{"meas_level": 1}, {"meas_level": 0}, {"init_qubits": False}])
def test_options_without_a_simulated_meaning_are_refused(
    backend: ProgramBackend, fields: dict[str, object]
) -> None:
    with pytest.raises(UnsupportedOptionError, match="cannot be honoured"):
        backend.run(flipped(), **fields)
    with pytest.raises(UnsupportedOptionError, match="cannot be honoured"):
        backend.set_options(**fields)


@ours
def test_options_of_no_effect_are_recorded_in_the_results_metadata(
    backend: ProgramBackend,
) -> None:
    fields = {"job_tags": ["a"], "max_credits": 3, "meas_return": "single"}

    result = backend.run(flipped(), init_qubits=True, meas_level=2, **fields).result()

    assert result.metadata["recorded_options"] == fields


@aer
def test_rep_delay_is_recorded_by_a_simulator(backend: ProgramBackend) -> None:
    result = backend.run(flipped(), rep_delay=250e-6).result()

    assert result.metadata["recorded_options"] == {"rep_delay": 250e-6}


@ours
def test_options_that_mthree_passes_are_taken(backend: ProgramBackend) -> None:
    job = backend.run([flipped()], shots=10, rep_delay=None, job_tags=["mthree"])

    assert job.done()


AER_REFUSES = [
    {"executor": object()},
    {"cuStateVec_enable": True},
    {"batched_shots_gpu": True},
    {"device": "GPU"},
    {"method": "tensor_network"},
]


@aer
@pytest.mark.parametrize("fields", AER_REFUSES, ids=lambda fields: next(iter(fields)))
def test_options_that_this_machine_cannot_honour_are_refused(
    backend: ProgramBackend, fields: dict[str, object]
) -> None:
    with pytest.raises(UnsupportedOptionError, match="cannot be honoured"):
        backend.run(flipped(), **fields)


AER_WRONG = [
    {"method": "statevectr"},
    {"device": "TPU"},
    {"precision": "triple"},
    {"memory": "yes"},
    {"seed_simulator": 1.5},
    {"seed_simulator": -1},
    {"noise_model": "depolarizing"},
    {"rep_delay": -1},
    {"rep_delay": "fast"},
    {"fusion_enable": 2},
    {"max_memory_mb": "8 GB"},
    {"zero_threshold": float("nan")},
]


@aer
@pytest.mark.parametrize("fields", AER_WRONG, ids=str)
def test_values_that_an_option_cannot_have_are_refused(
    backend: ProgramBackend, fields: dict[str, object]
) -> None:
    (name,) = fields

    with pytest.raises(InvalidInputError, match=f"option '{name}' must be"):
        backend.run(flipped(), **fields)


# timeout


@ours
@pytest.mark.parametrize("timeout", [0, -1, True, "10", float("nan"), [1]])
def test_a_timeout_that_is_not_a_positive_number_is_refused(
    backend: ProgramBackend, timeout: Any
) -> None:
    with pytest.raises(InvalidInputError, match="timeout must be a number of seconds > 0"):
        backend.run(flipped(), timeout=timeout)


@every_backend
@pytest.mark.parametrize("timeout", [60, 60.0, np.float32(60), float("inf"), 1e30])
def test_a_run_that_is_fast_enough_ends_as_without_a_timeout(
    backend: ProgramBackend, timeout: Any
) -> None:
    timed, free = (
        backend.run(flipped(0), **limit, shots=100, seed_simulator=4).result().get_counts()
        for limit in ({"timeout": timeout}, {})
    )

    assert timed == free


@every_backend
def test_timeout_is_the_second_positional_argument(backend: ProgramBackend) -> None:
    assert backend.run(flipped(), 60, shots=5).done()


# Both faces, on every implementation


@every_backend
def test_both_faces_agree(backend: ProgramBackend) -> None:
    assert isinstance(backend, ProgramBackend)
    assert backend.name() == backend.name == str(backend) == backend.configuration().backend_name
    assert backend.version == 1
    assert backend.status().backend_name == backend.name()
    assert backend.defaults() is None


@every_backend
def test_what_transpile_returns_runs(backend: ProgramBackend) -> None:
    circuit = QuantumCircuit(3)
    circuit.rx(pi, 0)
    circuit.cx(0, 1)
    circuit.cx(0, 2)
    circuit.measure_all()
    gates = backend.target.operation_names

    found = transpile(circuit, backend, seed_transpiler=1, optimization_level=1)

    assert set(found.count_ops()) <= {*gates, "barrier"}
    assert most(backend.run(found, shots=300).result().get_counts()) == "111"


@ours
@pytest.mark.parametrize(
    ("name", "value"),
    [("meas_level", 1), ("init_qubits", False), ("made_up", 3), ("shots", 0), ("shots", "x")],
)
def test_options_set_directly_are_checked_like_any_others(
    backend: ProgramBackend, name: str, value: object
) -> None:
    circuit = turned(backend, Parameter("angle"))
    fields = vars(backend.options)
    before = dict(fields)
    fields[name] = value
    try:
        with pytest.raises(InvalidInputError, match=name):
            backend.run(circuit, parameter_binds=[{"angle": 0.5}])
    finally:  # the backends are shared by the tests
        fields.clear()
        fields.update(before)
