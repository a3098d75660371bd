# SPDX-License-Identifier: Apache-2.0
"""What every store promises of the jobs that jobs have had run at providers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qruntime.core.jobs import Job, JobOptions, JobStatus
from qruntime.core.provider_jobs import OPEN, ProviderJob, ProviderJobState

RUNNING = JobStatus.RUNNING


@pytest.fixture
def entry(store):
    """What the first attempt of a running job is about to submit."""
    store.add_job(Job("j", "p", JobOptions("qpu", max_attempts=3), "{}", store.now()))
    store.move("j", RUNNING)
    return ProviderJob("j", 1, 1, "qpu", "token", store.now())


def test_an_intent_comes_back_as_it_went_in(store, entry):
    assert store.add_provider_job(entry)

    assert store.provider_jobs("j") == [entry]
    assert store.provider_jobs() == [entry]
    assert store.provider_jobs("other") == []


def test_an_attempt_that_is_over_may_intend_nothing(store, entry):
    late = replace(entry, attempt=2)
    assert not store.add_provider_job(late)
    store.move("j", JobStatus.CANCELLED)

    assert not store.add_provider_job(entry)
    assert not store.add_provider_job(replace(entry, job_id="x"))
    assert store.provider_jobs() == []


def test_repeating_an_intent_is_harmless_and_another_of_its_number_is_refused(store, entry):
    store.add_provider_job(entry)

    assert store.add_provider_job(entry)
    assert not store.add_provider_job(replace(entry, token="other"))
    assert store.provider_jobs() == [entry]


def test_what_becomes_of_it_is_written_even_after_its_jobs_end(store, entry):
    store.add_provider_job(entry)
    store.set_provider_job(entry, ProviderJobState.SUBMITTED, "at-provider")
    store.move("j", JobStatus.FAILED)

    store.set_provider_job(entry, ProviderJobState.CANCELLED)

    (held,) = store.provider_jobs("j")
    assert (held.state, held.provider_job_id) == (ProviderJobState.CANCELLED, "at-provider")


def test_what_is_open_is_found_and_what_is_not_is_left_out(store, entry):
    for number, state in enumerate(ProviderJobState, 1):
        each = replace(entry, number=number, token=f"t{number}")
        store.add_provider_job(each)
        store.set_provider_job(each, state)

    found = store.provider_jobs(open_only=True)

    assert {held.state for held in found} == OPEN
    assert [held.number for held in store.provider_jobs("j")] == list(
        range(1, len(ProviderJobState) + 1)
    )


def test_they_go_with_their_job(store, entry):
    store.add_provider_job(entry)
    store.move("j", JobStatus.FAILED)

    store.delete_job("j")

    assert store.provider_jobs() == []
    store.set_provider_job(entry, ProviderJobState.DONE)
    assert store.provider_jobs() == []
