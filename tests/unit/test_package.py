# SPDX-License-Identifier: Apache-2.0
"""The package as a whole: what it exports, and how light it is to import."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import qruntime

PUBLIC = """
AerBackend BackendConfiguration BackendNotFoundError BackendProperties BackendStatus BackendV1
Batch Catalog DuplicateProgramError EnvironmentFailedError ExecutionError ExecutionTimeoutError
FinishedJob GateConfig
IdempotencyConflictError InvalidCircuitError InvalidInputError InvalidProgramError
InvalidSchemaError InvalidStateError JobCancelledError JobError JobFailedError JobNotFoundError
JobRanTooLongError JobStatus JobTimeoutError MissingDependencyError NotAuthenticatedError
NotAuthorizedError NotFoundError NotSerializableError ParameterNamespace ProgramBackend
ProgramNotFoundError Provider ProviderBackend ProviderV1 QRuntimeError ResultDecoder
RuntimeDecoder RuntimeEncoder RuntimeJob RuntimeOptions RuntimeProgram RuntimeService
SchemaViolationError Session SessionNotFoundError StoreError TooLargeError TooManyRequestsError
UnavailableError UndecodableError UnknownOptionError UnsupportedOptionError UserMessenger
UserNotFoundError __version__ noise_model_from
""".split()


def test_the_public_names_are_these_and_no_others():
    assert sorted(qruntime.__all__) == sorted(PUBLIC)
    assert dir(qruntime) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(qruntime, name)

    assert value.__doc__


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Backnd'"):
        _ = qruntime.Backnd


def modules_after(statement):
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_next_to_nothing():
    loaded = modules_after("import qruntime")

    assert not loaded & {"qiskit", "numpy", "qiskit_aer", "jsonschema_rs", "typer", "rich"}


def test_all_public_names_together_load_no_simulator_and_no_server():
    loaded = modules_after("from qruntime import *")

    assert "qiskit" in loaded
    assert not loaded & {"qiskit_aer", "qiskit_ibm_runtime", "sqlalchemy", "fastapi", "numba"}


def errors():
    """Return the classes of the tree of errors, without those that a module keeps to itself."""
    module = importlib.import_module("qruntime.errors")
    return [
        item
        for item in vars(module).values()
        if isinstance(item, type) and item.__module__ == module.__name__
    ]


def test_every_error_has_a_code_of_its_own():
    assert len({error.code for error in errors()}) == len(errors()) > 20


@pytest.mark.parametrize("error", errors())
def test_every_error_can_be_raised_with_a_message_alone(error):
    assert issubclass(error, qruntime.QRuntimeError)
    assert str(error("what was wrong")) == "what was wrong"
