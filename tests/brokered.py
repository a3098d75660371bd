# SPDX-License-Identifier: Apache-2.0
"""A provider, a broker and an engine to test with: all real, on this machine."""

from __future__ import annotations

import queue
from dataclasses import replace
from typing import Any

from qruntime.backends.brokered import BrokeredBackend
from qruntime.core.jobs import Job, JobOptions, JobStatus
from qruntime.core.programs import ProgramMetadata, ProgramSource
from qruntime.engine.broker.devices import Device
from qruntime.engine.broker.line import Line
from qruntime.engine.broker.reader import Reader
from qruntime.service import jobs, programs
from qruntime.service.access import LOCAL
from qruntime.store.base import Store
from qruntime.store.memory import MemoryStore
from qruntime.testing.http_backend import HttpBackend
from qruntime.testing.provider import StubProvider
from qruntime.worker.asking import Asking

KEY = "key-that-no-program-may-see"
NAME = "stub_qpu"


def device_of(provider: StubProvider, kind: type[HttpBackend] = HttpBackend) -> Device:
    return Device(NAME, lambda: kind(provider.url, KEY))


def running_job(store: Store, job_id: str = "j", **options: Any) -> Job:
    """Add a job and start it, as an engine does."""
    store.add_job(Job(job_id, "p", JobOptions(NAME, **options), "{}", store.now()))
    moved = store.move(job_id, JobStatus.RUNNING)
    assert moved is not None
    return moved


class Conversation:
    """Both ends of a line, in one process: what a worker asks with, and what answers it."""

    def __init__(self, device: Device, reader: Reader, store: Store | None = None) -> None:
        self.store = store or MemoryStore()
        self.job = running_job(self.store)
        self.failures: list[str] = []
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.line = Line(
            self.job,
            device,
            self.store,
            reader,
            answer=answers.put,
            fail=self.failures.append,
        )
        self._device = device
        self._asking = Asking(self.line.take, answers.get, lambda: None)

    def backend(self) -> BrokeredBackend:
        return BrokeredBackend(self._device.describe(), self._asking.ask)

    def close(self) -> None:
        self.line.close()
        assert self.line.join(30)


def submit(store: Store, code: str, *, inputs: str = "{}", **options: Any) -> Job:
    """Queue a job of a program for the provider's device."""
    source = ProgramSource({"program.py": code.encode()}, "program.py")
    program = programs.upload_program(store, LOCAL, source, ProgramMetadata("p"), public=False)
    version = programs.find_version(store, LOCAL, program.program_id)
    return jobs.queue_job(store, LOCAL, version, inputs, replace(JobOptions(NAME), **options))
