# SPDX-License-Identifier: Apache-2.0
"""What is said when a limit was hit."""

from __future__ import annotations

from dataclasses import fields

import pytest

from qruntime.agent.limits import MIB, Limits, exceeded, in_mib, named
from qruntime.core.jobs import JobFailure

TOLD_BY_THE_AGENT = (
    "memory_bytes",
    "cpu_seconds",
    "processes",
    "interim_results",
    "interim_bytes",
    "frame_bytes",
)


@pytest.mark.parametrize("name", TOLD_BY_THE_AGENT)
def test_a_limit_that_ends_a_job_is_told_with_its_value(name):
    failure = exceeded(name, Limits(**{name: 7 * MIB}))

    assert failure.code == "limit_exceeded"
    assert "7 MiB" in failure.message or str(7 * MIB) in failure.message


def test_every_limit_is_told_by_somebody():
    by_an_error = {"open_files", "file_bytes"}
    by_a_notice = {"output_bytes"}
    never_exceeded = {"threads"}

    assert {field.name for field in fields(Limits)} == (
        {*TOLD_BY_THE_AGENT} | by_an_error | by_a_notice | never_exceeded
    )


def test_a_failure_is_given_no_limit_that_was_not_set():
    failure = JobFailure("program_raised", "MemoryError")

    assert named(failure, Limits()) == failure
    assert named(JobFailure("program_raised", "KeyError"), Limits(memory_bytes=1)).message == (
        "KeyError"
    )


@pytest.mark.parametrize(
    ("size", "text"),
    [(5, "5 bytes"), (MIB, "1 MiB"), (256 * MIB, "256 MiB"), (MIB + 1, "1048577 bytes")],
)
def test_sizes_are_told_as_people_read_them(size, text):
    assert in_mib(size) == text
