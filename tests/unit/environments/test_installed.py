# SPDX-License-Identifier: Apache-2.0
"""What a program declares, beside what is installed."""

from __future__ import annotations

from importlib import metadata

import pytest

from qruntime import RuntimeService
from qruntime.core.programs import ProgramSource
from qruntime.environments.installed import beyond, runs_on, use_what_is_here
from qruntime.errors import InvalidProgramError

HELD = {"numpy": "2.3.1", "qiskit": "2.6.0rc1"}


def source_of(*requirements, python=">=3.11"):
    listed = ", ".join(f"'{item}'" for item in requirements)
    head = f'# /// script\n# requires-python = "{python}"\n# dependencies = [{listed}]\n# ///\n'
    code = f"{head}def main(backend, user_messenger):\n    return 1\n"
    return ProgramSource({"program.py": code.encode()}, "program.py")


def test_what_workers_have_anyway_is_not_asked_for():
    wanted = ["numpy>=2", "qiskit>=2", 'other ; python_version < "3"', "more>1"]

    assert beyond(wanted, HELD, "program.py") == ["more>1"]


def test_extras_of_what_workers_have_are_asked_for():
    assert beyond(["qiskit[visualization]"], HELD, "program.py") == ["qiskit[visualization]"]


def test_another_version_of_what_workers_run_on_is_refused():
    with pytest.raises(InvalidProgramError, match=r"'numpy<2'.* runs on numpy 2\.3\.1"):
        beyond(["numpy<2"], HELD, "program.py")


def test_workers_run_on_qiskit_and_all_that_it_requires():
    found = runs_on()

    assert found["qiskit"] == metadata.version("qiskit")
    assert found["rustworkx"] == metadata.version("rustworkx")
    assert "qruntime" in found
    assert "pytest" not in found


def test_a_program_that_the_interpreter_can_run_has_an_empty_lock():
    assert use_what_is_here(source_of("numpy>=1", "qruntime", "pytest")) == ""
    assert use_what_is_here(source_of('absent-one ; python_version < "3"')) == ""


@pytest.mark.parametrize("requirement", ["no-such-package", "numpy<1"])
def test_a_program_that_the_interpreter_cannot_run_is_refused(requirement):
    with pytest.raises(InvalidProgramError, match=f"does not have: {requirement}; install it here"):
        use_what_is_here(source_of("scipy", requirement))


def test_a_program_for_another_python_is_refused():
    with pytest.raises(InvalidProgramError, match="requires Python"):
        use_what_is_here(source_of(python=">=9"))


def test_a_service_in_threads_refuses_what_is_not_installed_at_the_upload():
    with RuntimeService() as service:
        with pytest.raises(InvalidProgramError, match="isolation='process'"):
            service.upload_program(
                source_of("no-such-package").files["program.py"].decode(), name="x"
            )
        program_id = service.upload_program(
            source_of("numpy").files["program.py"].decode(), name="x"
        )
        with pytest.raises(InvalidProgramError, match="isolation='process'"):
            service.update_program(
                program_id, source_of("no-such-package").files["program.py"].decode()
            )
