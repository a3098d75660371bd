# SPDX-License-Identifier: Apache-2.0
"""What holds for every example program: it is described, and does what its metadata says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from qruntime import SchemaViolationError
from qruntime.wire import plain

HERE = Path(__file__).parent
PROGRAMS = sorted(path.parent for path in HERE.glob("*/program.py"))
README = (HERE.parent / "README.md").read_text()

each_program = pytest.mark.parametrize("folder", PROGRAMS, ids=lambda folder: folder.name)


def metadata(folder):
    return json.loads((folder / "program.json").read_text())


def undescribed(schema, path=""):
    """Yield the properties of a schema, however deep, that have no description."""
    if isinstance(schema, dict):
        for name, part in schema.get("properties", {}).items():
            if not name.startswith("__") and "description" not in part:
                yield f"{path}.{name}"
        for name, part in schema.items():
            yield from undescribed(part, f"{path}.{name}")


@each_program
def test_it_is_described(folder):
    told = metadata(folder)

    assert told["name"] == folder.name
    assert told["description"]
    assert told["max_execution_time"] > 0
    assert {"parameters", "return_values"} <= set(told["spec"])
    assert list(undescribed(told["spec"])) == []
    assert f"[{folder.name}](programs/{folder.name}/program.py)" in README
    assert (folder / f"test_{folder.name.replace('-', '_')}.py").is_file()


@each_program
def test_its_sample_inputs_give_what_the_metadata_says(service, folder):
    spec = metadata(folder)["spec"]
    inputs = json.loads((folder / "inputs.json").read_text())
    job = service.run(service.upload_program(folder), inputs)
    result = job.result()

    assert jsonschema_rs.is_valid(spec["parameters"], inputs)
    assert jsonschema_rs.is_valid(spec["return_values"], plain(result))
    published = job.interim_results()
    assert bool(published) == ("interim_results" in spec)
    for one in published:
        assert jsonschema_rs.is_valid(spec["interim_results"], plain(one))


@each_program
def test_its_sample_inputs_give_the_same_again(service, folder):
    inputs = json.loads((folder / "inputs.json").read_text())
    program_id = service.upload_program(folder)
    first, second = (service.run(program_id, inputs).result() for _ in range(2))

    assert plain(first) == plain(second)


@each_program
def test_an_unknown_input_is_refused(service, folder):
    inputs = json.loads((folder / "inputs.json").read_text())
    program_id = service.upload_program(folder)

    with pytest.raises(SchemaViolationError, match="colour"):
        service.run(program_id, {**inputs, "colour": "red"})
