# SPDX-License-Identifier: Apache-2.0
"""``RuntimeService`` and its programs, in-process."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qruntime import (
    AerBackend,
    BackendNotFoundError,
    DuplicateProgramError,
    InvalidInputError,
    InvalidProgramError,
    InvalidStateError,
    JobFailedError,
    NotSerializableError,
    ParameterNamespace,
    ProgramBackend,
    ProgramNotFoundError,
    ResultDecoder,
    RuntimeOptions,
    RuntimeService,
    SchemaViolationError,
    UnknownOptionError,
    UnsupportedOptionError,
)

SUM = "def main(backend, user_messenger, values, factor=1):\n    return factor * sum(values)\n"
SPEC = {
    "parameters": {
        "type": "object",
        "properties": {
            "values": {"type": "array", "items": {"type": "number"}, "description": "Numbers."},
            "factor": {"type": "number", "default": 3},
        },
        "required": ["values"],
        "additionalProperties": False,
    }
}


@pytest.fixture(scope="module")
def shared_service():
    with RuntimeService() as made:
        yield made


@pytest.fixture
def service():
    with RuntimeService() as made:
        yield made


def test_an_uploaded_program_runs_by_the_id_made_from_its_name(service):
    program_id = service.upload_program(SUM, {"name": "My Sum!"})

    assert program_id == "my-sum"
    assert service.run(program_id, {"values": [1, 2]}).result(30) == 3


def test_a_program_comes_from_a_file_with_its_metadata_beside_it(service, tmp_path):
    (tmp_path / "adder.py").write_text(SUM)
    (tmp_path / "adder.json").write_text(json.dumps({"name": "adder", "spec": SPEC}))

    program_id = service.upload_program(tmp_path / "adder.py")

    assert service.run(program_id, {"values": [1]}).result(30) == 3  # the schema's default factor


def test_a_program_comes_from_a_folder_with_modules_of_its_own(service, tmp_path):
    (tmp_path / "program.py").write_text(
        "from arithmetic import add\ndef main(backend, user_messenger):\n    return add(1, 2)\n"
    )
    (tmp_path / "arithmetic.py").write_text("def add(a, b):\n    return a + b\n")
    (tmp_path / "program.json").write_text('{"name": "folder"}')

    assert service.run(service.upload_program(tmp_path)).result(30) == 3


def test_a_plain_function_is_a_program(service):
    seen = []

    def main(backend, user_messenger, n):
        seen.append(backend.name())
        user_messenger.publish(n)
        return n + 1

    job = service.run(main, {"n": 1})

    assert job.result(30) == 2
    assert job.interim_results() == [1]
    assert seen == ["aer_simulator"]


def test_keys_of_the_metadata_can_be_given_one_by_one(service):
    program_id = service.upload_program(
        SUM, {"name": "a", "description": "d"}, name="b", max_execution_time=60
    )

    program = service.program(program_id)

    assert (program.program_id, program.name) == ("b", "b")
    assert (program.description, program.max_execution_time) == ("d", 60)


def test_a_second_upload_of_one_name_is_refused(service):
    service.upload_program(SUM, {"name": "sum"})

    with pytest.raises(DuplicateProgramError, match="update_program"):
        service.upload_program(SUM, {"name": "Sum"})


def test_an_update_changes_what_is_given_and_nothing_else(service):
    program_id = service.upload_program(SUM, {"name": "sum", "description": "adds"})
    before = service.program(program_id)

    service.update_program(program_id, "def main(backend, user_messenger):\n    return 'new'\n")
    service.update_program(program_id, max_execution_time=7)

    after = service.program(program_id)
    assert service.run(program_id).result(30) == "new"
    assert (after.description, after.max_execution_time) == ("adds", 7)
    assert after.digest != before.digest
    assert after.creation_date == before.creation_date < after.update_date


def test_an_update_of_nothing_is_refused(service):
    program_id = service.upload_program(SUM, {"name": "sum"})

    with pytest.raises(InvalidInputError, match="nothing to update"):
        service.update_program(program_id)


def test_a_broken_update_leaves_the_program_as_it_was(service):
    program_id = service.upload_program(SUM, {"name": "sum"})

    with pytest.raises(InvalidProgramError):
        service.update_program(program_id, "def main(:\n")

    assert service.run(program_id, {"values": [2]}).result(30) == 2


def test_a_deleted_program_is_gone_and_its_jobs_stay(service):
    program_id = service.upload_program(SUM, {"name": "sum"})
    job = service.run(program_id, {"values": [2]})
    job.result(30)

    service.delete_program(program_id)

    with pytest.raises(ProgramNotFoundError, match="no program 'sum'"):
        service.run(program_id, {"values": [2]})
    assert service.job(job.job_id).result() == 2


def test_programs_are_searched_and_paged(service):
    for name in ("vqe h2", "vqe lih", "qaoa"):
        service.upload_program(SUM, {"name": name})

    assert [p.program_id for p in service.programs()] == ["vqe-h2", "vqe-lih", "qaoa"]
    assert [p.program_id for p in service.programs(search="VQE")] == ["vqe-h2", "vqe-lih"]
    assert [p.program_id for p in service.programs(limit=1, skip=1)] == ["vqe-lih"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "inputs: 'values' is missing"),
        ({"values": [1, "two"]}, r"inputs\.values\[1\].*number"),
        ({"values": [1], "factr": 2}, r"factr.*factor"),
    ],
)
def test_inputs_are_held_to_the_schema_before_anything_is_queued(service, inputs, message):
    program_id = service.upload_program(SUM, {"name": "sum", "spec": SPEC})

    with pytest.raises(SchemaViolationError, match=message):
        service.run(program_id, inputs)
    assert service.jobs() == []


def test_an_array_fits_where_the_schema_says_array(service):
    program_id = service.upload_program(SUM, {"name": "sum", "spec": SPEC})

    assert service.run(program_id, {"values": np.array([1.0, 2.0])}).result(30) == 9.0


def test_inputs_without_a_schema_are_held_to_the_signature(service):
    program_id = service.upload_program(SUM, {"name": "sum"})
    job = service.run(program_id, {"value": [1]})

    with pytest.raises(JobFailedError, match="unknown input 'value'; did you mean 'values'"):
        job.result(30)


def test_a_functions_inputs_are_checked_before_it_is_queued(service):
    with pytest.raises(InvalidInputError, match="input 'n' is missing"):
        service.run(lambda backend, user_messenger, n: n)
    with pytest.raises(InvalidInputError, match="inputs must be a dict"):
        service.run(lambda backend, user_messenger, n: n, [1])


def test_inputs_that_cannot_travel_are_refused_by_place(service):
    with pytest.raises(NotSerializableError, match=r"inputs.*n"):
        service.run(lambda backend, user_messenger, n: n, {"n": object()})


def test_a_namespace_gives_inputs_and_complains_of_missing_ones(service):
    program_id = service.upload_program(SUM, {"name": "sum", "spec": SPEC})
    inputs = service.program(program_id).parameters()

    assert isinstance(inputs, ParameterNamespace)
    assert inputs.factor is None
    with pytest.raises(InvalidInputError, match="not set: values"):
        service.run(program_id, inputs)
    inputs.values = [4]
    assert service.run(program_id, inputs).result(30) == 12


def test_a_program_shows_itself(service):
    program_id = service.upload_program(SUM, {"name": "sum", "description": "Adds.", "spec": SPEC})
    program = service.program(program_id)

    assert "values (array, required): Numbers." in str(program)
    assert program.to_dict()["spec"]["parameters"] == SPEC["parameters"]
    assert program.data == SUM


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"backend_name": "aer_simulatr"}, BackendNotFoundError, "did you mean 'aer_simulator"),
        ({"backend": "a", "backend_name": "b"}, InvalidInputError, "backend once"),
        ({"bakend": "a"}, InvalidInputError, "did you mean 'backend"),
        ({"image": "no-tag"}, InvalidInputError, "name:tag"),
        ({"log_level": "LOUD"}, InvalidInputError, "DEBUG, INFO"),
        ({"max_execution_time": 0}, InvalidInputError, "seconds > 0"),
        ({"job_tags": "one"}, InvalidInputError, "list of strings"),
        ({"backend_options": {"shot": 1}}, UnknownOptionError, "shot"),
        ({"backend_options": {"shots": 0}}, InvalidInputError, "shots"),
        ({"backend": 7}, InvalidInputError, "not a backend"),
        (5, InvalidInputError, "a dict or RuntimeOptions, not int"),
        ({"backend_options": 5}, InvalidInputError, "backend_options must be a dict"),
        ({"backend_options": {1: 2}}, InvalidInputError, "backend_options must be a dict"),
        ({"image": "name:tag"}, UnsupportedOptionError, "'image' cannot be honoured"),
        ({"session_time": 5}, UnsupportedOptionError, "'session_time' cannot be honoured"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_queued(
    shared_service, options, error, message
):
    with pytest.raises(error, match=message):
        shared_service.run(lambda backend, user_messenger: None, options=options)
    assert shared_service.jobs() == []


def test_backend_options_are_the_programs_defaults_and_no_one_elses(service):
    def main(backend, user_messenger):
        return [backend.options.shots, backend.options.seed_simulator]

    options = RuntimeOptions(backend_options={"shots": 7, "seed_simulator": 1})

    assert service.run(main, options=options).result(30) == [7, 1]
    assert service.run(main).result(30) == [1024, None]


def test_a_backend_object_of_ones_own_is_used_as_it_is(service):
    mine = AerBackend(method="stabilizer")

    def main(backend, user_messenger):
        return [str(backend.name), isinstance(backend, AerBackend)]

    job = service.run(main, options={"backend": mine})

    assert job.result(30) == ["aer_simulator_stabilizer", True]


def test_options_of_one_job_are_not_those_of_the_next():
    mine = AerBackend()

    def main(backend, user_messenger, shots=None):
        if shots is not None:
            backend.set_options(shots=shots)
        return backend.options.shots

    with RuntimeService(backends={"lab": mine}) as service:
        for where in (mine, "lab"):
            options = {"backend": where, "backend_options": {"shots": 5}}
            assert service.run(main, options=options).result(30) == 5
            assert service.run(main, {"shots": 9}, {"backend": where}).result(30) == 9
            assert service.run(main, options={"backend": where}).result(30) == 1024
        assert mine.options.shots == 1024


def test_a_job_knows_the_backend_object_that_it_was_given(service):
    mine = AerBackend(method="stabilizer")
    mine.name = "mine"

    job = service.run(lambda backend, user_messenger: None, options={"backend": mine})

    assert job.backend().name() == "mine"
    assert job.backend().options.method == "stabilizer"


@pytest.mark.parametrize("made", [5, lambda: 5, lambda: 1 / 0], ids=["number", "other", "raises"])
def test_what_makes_no_backend_is_refused_by_name(made):
    with (
        RuntimeService(backends={"odd": made}) as service,
        pytest.raises(InvalidInputError, match="backend 'odd'"),
    ):
        service.backend("odd")


def test_functions_that_cannot_be_main_are_refused_at_once(shared_service):
    async def later(backend, user_messenger):
        pass

    for function, message in ((lambda: 1, "needed"), (later, "is async")):
        with pytest.raises(InvalidProgramError, match=message):
            shared_service.run(function)


def test_readers_that_are_none_are_refused_at_once(shared_service):
    def main(backend, user_messenger):
        pass

    with pytest.raises(InvalidInputError, match="callback must be a function"):
        shared_service.run(main, callback=5)
    with pytest.raises(InvalidInputError, match="result_decoder must be"):
        shared_service.run(main, result_decoder=5)


@pytest.mark.parametrize("number", [0, -1, True, "4", 1.5])
def test_a_number_of_jobs_that_is_none_is_refused(number):
    with pytest.raises(InvalidInputError, match="jobs_at_once must be an integer >= 1"):
        RuntimeService(jobs_at_once=number)


def test_backends_of_ones_own_are_found_by_name():
    with RuntimeService(backends={"mine": AerBackend}) as service:
        backend = service.backend("mine")

        assert isinstance(backend, ProgramBackend)
        assert "mine" in service.backends()
        assert service.backend("mine") is not backend


def test_a_programs_requirements_are_held_against_the_backend(service):
    spec = {"backend_requirements": {"min_num_qubits": 100}}
    program_id = service.upload_program(SUM, {"name": "wide", "spec": spec})

    with pytest.raises(InvalidInputError, match="at least 100 qubits; 'aer_simulator' has"):
        service.run(program_id, {"values": []})


def test_requirements_may_be_a_schema_of_the_configuration(service):
    spec = {"backend_requirements": {"properties": {"simulator": {"const": False}}}}
    program_id = service.upload_program(SUM, {"name": "hardware", "spec": spec})

    with pytest.raises(InvalidInputError, match=r"requirements: configuration\.simulator"):
        service.run(program_id, {"values": []})


def test_a_backend_for_a_script_runs_circuits(service):
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)

    assert service.backend().run(circuit, shots=5).result().get_counts() == {"1": 5}


def test_a_decoder_of_ones_own_reads_results_and_interim_results(service):
    class Loud(ResultDecoder):
        @classmethod
        def decode(cls, data):
            return f"{super().decode(data)}!"

    def main(backend, user_messenger):
        user_messenger.publish("a")
        return "b"

    job = service.run(main, result_decoder=Loud)

    assert job.result(30) == "b!"
    assert job.interim_results() == ["a!"]
    assert job.result(decoder=ResultDecoder) == "b"


def test_text_that_is_not_json_is_a_result_too():
    assert ResultDecoder.decode("plain words") == "plain words"


def test_functions_do_not_leave_their_process():
    with (
        RuntimeService(isolation="process") as service,
        pytest.raises(InvalidInputError, match="upload a program"),
    ):
        service.run(lambda backend, user_messenger: None)


def test_backends_of_ones_own_do_not_leave_their_process():
    with pytest.raises(InvalidInputError, match=r"FILE\.py:CLASS"):
        RuntimeService(isolation="process", backends={"mine": AerBackend})


def test_a_closed_service_starts_no_job():
    with RuntimeService() as service:
        pass

    with pytest.raises(InvalidStateError, match="closed"):
        service.run(lambda backend, user_messenger: None)


def test_a_status_that_is_none_is_refused(shared_service):
    with pytest.raises(InvalidInputError, match="no job status 'DONE'; there are: 'QUEUED'"):
        shared_service.jobs(status="DONE")


def test_a_namespace_leaves_a_required_input_with_a_default_to_the_schema(service):
    spec = {
        "parameters": {
            "properties": {"values": {"default": [1, 2]}, "factor": {}},
            "required": ["values"],
        }
    }
    inputs = service.program(
        service.upload_program(SUM, {"name": "sum", "spec": spec})
    ).parameters()

    assert repr(inputs) == "ParameterNamespace(values=None, factor=None)"
    assert service.run("sum", inputs).result(30) == 3


def test_the_traceback_of_a_function_shows_its_own_frames_only(service):
    def helper():
        raise LookupError("deep")

    job = service.run(lambda backend, user_messenger: helper())

    job.wait_for_final_state(30)
    frames = [line for line in job.error_message().splitlines() if "File" in line]
    assert len(frames) == 2
    assert all('"test_service.py"' in frame for frame in frames)


def test_classes_of_a_program_can_be_pickled_and_hold_data(service):
    code = (
        "from __future__ import annotations\n"
        "import pickle\n"
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Point:\n"
        "    x: int\n"
        "def main(backend, user_messenger):\n"
        "    return pickle.loads(pickle.dumps(Point(3))).x\n"
    )

    assert service.run(service.upload_program(code, {"name": "pickles"})).result(30) == 3


def test_an_unknown_isolation_is_refused():
    with pytest.raises(InvalidInputError, match="no isolation 'container'; there are: inline"):
        RuntimeService(isolation="container")
