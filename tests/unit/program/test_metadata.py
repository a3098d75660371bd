# SPDX-License-Identifier: Apache-2.0
"""Metadata is read in today's and in the old spelling, and refused with the key that is wrong."""

from __future__ import annotations

import json

import pytest

from qruntime.core.programs import ProgramMetadata, ProgramSource, ProgramSpec
from qruntime.errors import InvalidProgramError, InvalidSchemaError
from qruntime.program.metadata import find_metadata, metadata_of, read_metadata, to_dict

INPUTS = {"type": "object", "properties": {"shots": {"type": "integer"}}}


def read(metadata):
    return read_metadata(metadata, default_name="vqe")


def refusal(metadata):
    with pytest.raises(InvalidProgramError) as caught:
        read(metadata)
    return str(caught.value)


def test_without_metadata_a_program_has_its_default_name():
    assert read(None) == ProgramMetadata(name="vqe")


def test_every_field_is_read():
    given = {
        "name": "qaoa",
        "description": "Cuts graphs.",
        "max_execution_time": 60,
        "spec": {"parameters": INPUTS, "backend_requirements": {"min_num_qubits": 5}},
    }

    spec = ProgramSpec(backend_requirements={"min_num_qubits": 5}, parameters=INPUTS)
    assert read(given) == ProgramMetadata("qaoa", "Cuts graphs.", 60, spec)


def test_a_json_file_is_read(tmp_path):
    path = tmp_path / "vqe.json"
    path.write_text(json.dumps({"name": "qaoa"}))

    assert read(str(path)).name == read(path).name == "qaoa"


def test_what_is_written_is_read_back():
    metadata = read({"name": "qaoa", "spec": {"return_values": INPUTS}})

    assert read(json.loads(json.dumps(to_dict(metadata)))) == metadata


def test_old_spellings_are_understood():
    old = {"name": "qaoa", "cost": 600, "version": "1.0", "is_public": False, "parameters": INPUTS}

    assert read(old) == ProgramMetadata("qaoa", "", 600, ProgramSpec(parameters=INPUTS))


def test_parts_beside_the_spec_move_into_it():
    old = {"backend_requirements": {"min_num_qubits": 2}, "spec": {"parameters": INPUTS}}

    spec = read(old).spec
    assert spec == ProgramSpec(backend_requirements={"min_num_qubits": 2}, parameters=INPUTS)


def test_a_part_given_in_both_places_is_refused():
    assert "given twice" in refusal({"parameters": INPUTS, "spec": {"parameters": INPUTS}})


def test_the_oldest_lists_become_schemas():
    items = [
        {"name": "shots", "description": "How many.", "type": "int", "required": True},
        {"name": "seed", "type": "int", "required": False},
    ]

    assert read({"parameters": items}).spec.parameters == {
        "type": "object",
        "properties": {
            "shots": {"description": "How many.; int"},
            "seed": {"description": "int"},
        },
        "required": ["shots"],
    }


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"nmae": "x"}, "unknown key 'nmae'; did you mean 'name'?"),
        ({"spec": {"paramters": {}}}, "unknown key 'paramters'; did you mean 'parameters'?"),
        ({"name": 3}, "'name' must be text, not int"),
        ({"description": []}, "'description' must be text, not a list"),
        ({"max_execution_time": "60"}, "'max_execution_time' must be a whole number"),
        ({"max_execution_time": True}, "'max_execution_time' must be a whole number"),
        ({"max_execution_time": 0}, "'max_execution_time' must lie between"),
        ({"max_execution_time": 1.5}, "'max_execution_time' must be a whole number"),
        ({"spec": []}, "'spec' must be an object, not a list"),
        ({"spec": {"parameters": "x"}}, "spec.parameters must be a JSON Schema"),
        ({"spec": {"parameters": [{"type": "int"}]}}, "an item without a 'name'"),
    ],
)
def test_a_wrong_key_or_type_is_named(metadata, told):
    assert told in refusal(metadata)


@pytest.mark.parametrize("part", ["parameters", "return_values", "interim_results"])
def test_broken_schemas_are_refused_when_metadata_is_read(part):
    with pytest.raises(InvalidSchemaError, match=f"spec.{part}.type"):
        read({"spec": {part: {"type": "intger"}}})


@pytest.mark.parametrize(("content", "told"), [("{", "is not JSON"), ("[]", "a JSON object")])
def test_a_file_that_is_no_json_object_is_refused(content, told, tmp_path):
    path = tmp_path / "m.json"
    path.write_text(content)

    assert told in refusal(path)


def test_a_file_nested_beyond_measure_is_refused(tmp_path):
    path = tmp_path / "m.json"
    path.write_text("[" * 200_000)

    assert "is not JSON" in refusal(path)


def test_a_missing_file_is_named(tmp_path):
    assert "No such file" in refusal(tmp_path / "m.json")


def test_metadata_lies_beside_a_file(tmp_path):
    (tmp_path / "vqe.py").write_text("")
    assert find_metadata(tmp_path / "vqe.py") is None
    (tmp_path / "vqe.json").write_text("{}")

    assert find_metadata(tmp_path / "vqe.py") == tmp_path / "vqe.json"


@pytest.mark.parametrize("name", ["program.json", "metadata.json"])
def test_metadata_lies_in_a_folder(name, tmp_path):
    assert find_metadata(tmp_path) is None
    (tmp_path / name).write_text("{}")

    assert find_metadata(tmp_path) == tmp_path / name


@pytest.mark.parametrize("name", ["program.json", "metadata.json"])
def test_metadata_lies_in_a_source(name):
    source = ProgramSource({"program.py": b"", name: b'{"name": "x"}'}, "program.py")

    assert metadata_of(source) == {"name": "x"}
    assert metadata_of(ProgramSource({"program.py": b""}, "program.py")) is None
