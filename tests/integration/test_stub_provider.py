# SPDX-License-Identifier: Apache-2.0
"""The stand-in for a provider and its library: what the broker is tested against behaves so."""

from __future__ import annotations

import subprocess
import sys

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus
from tests.brokered import KEY

from qruntime.testing.http_backend import HttpBackend
from qruntime.testing.provider import StubProvider


@pytest.fixture
def provider():
    made = StubProvider(key=KEY)
    yield made
    made.close()


@pytest.fixture
def backend(provider):
    return HttpBackend(provider.url, KEY)


def one():
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure([0, 1], [0, 1])
    return circuit


def test_a_job_waits_in_the_queue_runs_and_has_its_result(provider, backend):
    provider.misbehave(hold_queue=True)
    job = backend.run([one()], shots=7)
    waiting = job.status()
    provider.misbehave(hold_queue=False)

    assert waiting is JobStatus.QUEUED
    assert job.result(60).get_counts() == {"01": 7}
    assert job.status() is JobStatus.DONE


def test_a_wrong_key_opens_nothing(provider):
    with pytest.raises(PermissionError, match="key is not valid"):
        HttpBackend(provider.url, "wrong")


def test_one_token_is_one_job_and_finds_it(provider, backend):
    first = backend.run(one(), client_token="t")
    again = backend.run(one(), client_token="t")

    assert first.job_id() == again.job_id() == backend.job_by_token("t").job_id()
    assert backend.job_by_token("other") is None
    assert len(provider.jobs) == 1


def test_a_cancelled_job_does_not_run(provider, backend):
    provider.misbehave(hold_queue=True)
    job = backend.run(one())

    assert job.cancel()
    provider.misbehave(hold_queue=False)
    assert backend.run(one(), shots=3).result(60).get_counts() == {"01": 3}
    assert job.status() is JobStatus.CANCELLED
    with pytest.raises(RuntimeError, match="CANCELLED"):
        job.result()


def test_faults_hit_as_often_as_they_are_set(provider, backend):
    provider.misbehave(refuse_submissions=1, drop_answers=1, fail_jobs=1)
    with pytest.raises(ConnectionError, match="503"):
        backend.run(one())
    with pytest.raises(ConnectionError, match="not reached"):
        backend.run(one())

    failed = provider.wait_for_job("ERROR")
    assert "calibration" in backend.retrieve_job(failed.job_id).error_message()
    assert backend.run(one(), shots=2).result(60).get_counts() == {"01": 2}
    assert (provider.submissions, len(provider.jobs)) == (3, 2)


def test_it_runs_as_a_command():
    command = [sys.executable, "-m", "qruntime.testing.provider", "--key", KEY]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    device = HttpBackend(url, KEY)
    process.terminate()

    assert process.wait(30) == 0
    assert device.target.num_qubits == 5
    process.stdout.close()
