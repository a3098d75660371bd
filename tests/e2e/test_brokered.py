# SPDX-License-Identifier: Apache-2.0
"""A server with a backend that needs a key: a crash loses nothing at the provider."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.brokered import KEY, NAME
from tests.e2e.conftest import RunningServer

from qruntime import JobFailedError
from qruntime.testing.provider import StubProvider

RUN = """
from qiskit import QuantumCircuit

def main(backend, user_messenger):
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    return backend.run(circuit, shots=6).result().get_counts()
"""
PACKAGE = """
import os
from qruntime.testing.http_backend import HttpBackend

def backend():
    return HttpBackend(os.environ["STUB_URL"], os.environ["STUB_KEY"])
"""


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubProvider]:
    """A provider, and an installed package that offers its device to the servers of the test."""
    made = StubProvider(key=KEY)
    packages = tmp_path / "packages"
    described = packages / "stub_device-1.0.dist-info"
    described.mkdir(parents=True)
    (packages / "stub_device.py").write_text(PACKAGE)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: stub-device\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(
        f"[qruntime.brokered_backends]\n{NAME} = stub_device:backend\n"
    )
    path = [str(packages), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.setenv("STUB_URL", made.url)
    monkeypatch.setenv("STUB_KEY", KEY)
    yield made
    made.close()


def recorded(server: RunningServer) -> list[tuple[str, str | None]]:
    connection = sqlite3.connect(server.data_dir / "qruntime.db")
    try:
        return connection.execute("SELECT state, provider_job_id FROM provider_jobs").fetchall()
    finally:
        connection.close()


def wait_until_recorded(server: RunningServer, state: str) -> str | None:
    deadline = time.monotonic() + 60
    while not (held := recorded(server)) or held[0][0] != state:
        assert time.monotonic() < deadline, held
        threading.Event().wait(0.02)
    assert len(held) == 1
    return held[0][1]


def test_a_job_runs_on_the_backend_and_after_a_kill_nothing_is_lost_or_submitted_twice(
    provider: StubProvider, serve
) -> None:
    server = serve()
    with server.service() as service:
        program = service.upload_program(RUN, name="run")
        done = service.run(program, {}, {"backend_name": NAME})
        counts = done.result(60)
        service.delete_job(done.job_id())
        provider.misbehave(hold_queue=True, keep_answers=True)
        lost = service.run(program, {}, {"backend_name": NAME}).job_id()
        accepted = provider.wait_for_job("QUEUED")
    before = recorded(server)
    server.kill()
    provider.misbehave(keep_answers=False)

    again = serve(key=server.key)
    named = wait_until_recorded(again, "cancelled")
    with again.service() as service, pytest.raises(JobFailedError, match="lost"):
        service.job(lost).result(60)

    assert counts == {"1": 6}
    assert before == [("intended", None)]
    assert named == accepted.job_id
    assert accepted.status == "CANCELLED"
    assert provider.submissions == 2
