# SPDX-License-Identifier: Apache-2.0
"""The states of a job and the moves between them."""

from __future__ import annotations

import pytest

from qruntime.core.jobs import SOURCES, JobStatus


def test_no_state_can_be_left_once_it_is_final():
    final = {status for status in JobStatus if status.final}

    assert all(not (sources & final) for sources in SOURCES.values())
    assert final == set(JobStatus) - {JobStatus.QUEUED, JobStatus.RUNNING}


def test_every_state_but_the_first_can_be_reached():
    reached = {JobStatus.QUEUED}
    for _ in JobStatus:
        reached |= {to for to, sources in SOURCES.items() if sources & reached}

    assert reached == set(JobStatus)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (JobStatus.QUEUED, "QUEUED"),
        (JobStatus.RUNNING, "RUNNING"),
        (JobStatus.COMPLETED, "COMPLETED"),
        (JobStatus.FAILED, "FAILED"),
        (JobStatus.CANCELLED, "CANCELLED"),
        (JobStatus.RAN_TOO_LONG, "CANCELLED - RAN TOO LONG"),
    ],
)
def test_a_status_equals_its_text_on_the_wire(status, text):
    assert status == text
    assert JobStatus(text) is status
