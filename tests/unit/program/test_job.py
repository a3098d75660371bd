# SPDX-License-Identifier: Apache-2.0
"""The job of a synchronous run."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from qiskit.providers import JobStatus, JobV1
from qiskit.result import Result

from qruntime.program.job import FinishedJob

BACKEND = SimpleNamespace(name="b")


def result() -> Result:
    return Result.from_dict(
        {
            "success": True,
            "results": [
                {
                    "shots": 4,
                    "success": True,
                    "data": {"counts": {"0x0": 4}},
                    "header": {"name": "c", "memory_slots": 1, "creg_sizes": [["c", 1]]},
                }
            ],
        }
    )


def test_it_has_finished() -> None:
    job = FinishedJob(BACKEND, result())

    assert isinstance(job, JobV1)
    assert job.status() is JobStatus.DONE
    assert job.done()
    assert job.in_final_state()
    assert not job.running()
    assert job.cancel() is False
    job.submit()
    job.wait_for_final_state(timeout=1)


def test_ids_differ_unless_given() -> None:
    first, second = FinishedJob(BACKEND, result()), FinishedJob(BACKEND, result())

    assert first.job_id() != second.job_id()
    assert FinishedJob(BACKEND, result(), job_id="abc").job_id() == "abc"


def test_it_knows_its_backend_and_metadata() -> None:
    job = FinishedJob(BACKEND, result(), circuits=1)

    assert job.backend() is BACKEND
    assert job.metadata == {"circuits": 1}


def test_a_function_makes_the_result_once_when_it_is_first_asked_for() -> None:
    made: list[int] = []

    def make() -> Result:
        made.append(1)
        return result()

    job = FinishedJob(BACKEND, make)
    before = len(made)

    assert job.result(timeout=3) is job.result()
    assert (before, len(made)) == (0, 1)


def test_headers_are_readable_by_attribute_and_by_key() -> None:
    header = FinishedJob(BACKEND, result()).result().results[0].header

    assert header.name == header["name"] == "c"


def test_a_result_without_a_header_is_left_alone() -> None:
    bare = Result.from_dict(
        {"success": True, "results": [{"shots": 1, "success": True, "data": {"counts": {}}}]}
    )

    assert FinishedJob(BACKEND, bare).result() is bare


def test_repr_has_the_id() -> None:
    assert repr(FinishedJob(BACKEND, result(), job_id="7")) == "<FinishedJob('7')>"


@pytest.mark.parametrize("key", [0, "c"])
def test_counts_are_found_by_index_and_name(key: object) -> None:
    assert FinishedJob(BACKEND, result()).result().get_counts(key) == {"0": 4}
