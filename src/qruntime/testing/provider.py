# SPDX-License-Identifier: Apache-2.0
"""A provider of a quantum device, on 127.0.0.1: keys, a queue, latency, and failures on demand.

``python -m qruntime.testing.provider --key KEY`` serves until it is stopped. What it runs, it
simulates with Aer. ``testing.http_backend`` is the library that speaks to it.
"""

from __future__ import annotations

import base64
import hmac
import io
import json
import threading
import uuid
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from qruntime import wire

_LONGEST_BODY = 1 << 28
_FINAL = ("DONE", "ERROR", "CANCELLED")


@dataclass(frozen=True, slots=True)
class Device:
    """What the provider offers."""

    name: str = "stub_qpu"
    num_qubits: int = 5
    basis_gates: tuple[str, ...] = ("cx", "id", "rz", "sx", "x")
    coupling_map: tuple[tuple[int, int], ...] = ((0, 1), (1, 2), (2, 3), (3, 4))
    max_shots: int = 100_000
    max_circuits: int = 100

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "num_qubits": self.num_qubits,
            "basis_gates": list(self.basis_gates),
            "coupling_map": [list(pair) for pair in self.coupling_map],
            "max_shots": self.max_shots,
            "max_circuits": self.max_circuits,
        }


@dataclass(slots=True)
class Faults:
    """How the provider misbehaves. Numbers count down, once for each request or job that they hit.

    ``refuse_submissions`` answers 503 before anything is accepted; ``fail_requests`` answers 500 to
    anything else. ``drop_answers`` accepts a job and breaks the connection; ``keep_answers``
    accepts it and does not answer while it is set. ``fail_jobs`` ends jobs with an error. While
    ``hold_queue`` is set, no job starts. ``latency_seconds`` is how long each job takes besides its
    simulation.
    """

    refuse_submissions: int = 0
    fail_requests: int = 0
    drop_answers: int = 0
    keep_answers: bool = False
    fail_jobs: int = 0
    hold_queue: bool = False
    latency_seconds: float = 0.0


@dataclass(slots=True)
class ProviderJob:
    """A job as the provider sees it."""

    job_id: str
    token: str | None
    circuits: bytes
    options: dict[str, Any]
    status: str = "QUEUED"
    error: str = ""
    result: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what the provider tells of it."""
        return {
            "id": self.job_id,
            "token": self.token,
            "status": self.status,
            "error": self.error,
        }


@dataclass(slots=True)
class _Answer:
    status: int
    body: dict[str, Any] = field(default_factory=dict)
    drop: bool = False


class StubProvider:
    """The provider: an HTTP server and a device that runs one job after another.

    ``faults`` may be changed at any time under ``changed``, or by ``misbehave``. ``jobs`` are all
    that it has accepted, in order.
    """

    def __init__(self, *, key: str, port: int = 0, device: Device | None = None) -> None:
        self.key = key
        self.device = device or Device()
        self.faults = Faults()
        self.jobs: dict[str, ProviderJob] = {}
        self.submissions = 0
        self.changed = threading.Condition()
        self._queue: deque[str] = deque()
        self._closed = False
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True),
            threading.Thread(target=self._work, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def url(self) -> str:
        """The provider's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def misbehave(self, **faults: Any) -> None:
        """Set faults, and wake whoever waits for them to end."""
        with self.changed:
            for name, value in faults.items():
                setattr(self.faults, name, value)
            self.changed.notify_all()

    def wait_for_job(self, status: str, seconds: float = 60.0) -> ProviderJob:
        """Wait until there is a job of this status, and return it.

        Raises:
            TimeoutError: none came.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: self._having(status), seconds):
                states = [job.status for job in self.jobs.values()]
                raise TimeoutError(f"no job is {status}; the jobs are: {states}")
            return self._having(status)[0]

    def _having(self, status: str) -> list[ProviderJob]:
        return [job for job in self.jobs.values() if job.status == status]

    def close(self) -> None:
        """Stop serving; jobs that wait are forgotten."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    # requests -----------------------------------------------------------------------------------

    def answer(self, method: str, path: str, key: str, body: dict[str, Any]) -> _Answer:
        """Answer one request."""
        if not hmac.compare_digest(key.encode(), self.key.encode()):
            return _Answer(401, {"error": "the key is not valid"})
        parts = urlsplit(path)
        match (method, *parts.path.strip("/").split("/")):
            case ("GET", "device"):
                return _Answer(200, self.device.to_dict())
            case ("POST", "jobs"):
                return self._submit(body)
            case ("GET", "jobs"):
                return self._find(parse_qs(parts.query).get("token", [""])[0])
            case (asked, "jobs", job_id, *more):
                return self._of(job_id, " ".join([asked, *more]))
        return _Answer(404, {"error": f"no {method} of '{parts.path}'"})

    def _submit(self, body: dict[str, Any]) -> _Answer:
        with self.changed:
            self.submissions += 1
            if self._spend("refuse_submissions"):
                return _Answer(503, {"error": "the provider takes no jobs now"})
            token = body.get("token")
            known = [job for job in self.jobs.values() if token and job.token == token]
            job = known[0] if known else self._accept(token, body)
            self.changed.wait_for(lambda: self._closed or not self.faults.keep_answers)
            return _Answer(201, job.to_dict(), drop=self._spend("drop_answers"))

    def _accept(self, token: str | None, body: dict[str, Any]) -> ProviderJob:
        circuits = base64.b64decode(body["circuits"])
        job = ProviderJob(uuid.uuid4().hex, token, circuits, body.get("options", {}))
        self.jobs[job.job_id] = job
        self._queue.append(job.job_id)
        self.changed.notify_all()
        return job

    def _find(self, token: str) -> _Answer:
        with self.changed:
            if self._spend("fail_requests"):
                return _Answer(500, {"error": "the provider failed"})
            found = [job.to_dict() for job in self.jobs.values() if token in ("", job.token)]
            return _Answer(200, {"jobs": found})

    def _of(self, job_id: str, asked: str) -> _Answer:
        acts = {"GET": _status_of, "GET result": _result_of, "POST cancel": self._cancel}
        with self.changed:
            if self._spend("fail_requests"):
                return _Answer(500, {"error": "the provider failed"})
            if job_id not in self.jobs or asked not in acts:
                return _Answer(404, {"error": f"no '{asked}' of a job '{job_id}'"})
            return acts[asked](self.jobs[job_id])

    def _cancel(self, job: ProviderJob) -> _Answer:
        if job.status not in _FINAL:
            self._end(job, "CANCELLED")
        return _Answer(200, job.to_dict())

    def _spend(self, fault: str) -> bool:
        left: int = getattr(self.faults, fault)
        setattr(self.faults, fault, max(0, left - 1))
        return left > 0

    # the device ---------------------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                result = _simulate(job)
            except Exception as error:  # noqa: BLE001  the job's failure is not the device's
                self._finish(job, "ERROR", error=f"{type(error).__name__}: {error}")
            else:
                self._finish(job, "DONE", result=result)

    def _next(self) -> ProviderJob | None:
        """Wait for a job that is to be simulated; those that are to fail do so here."""
        with self.changed:
            while True:
                self.changed.wait_for(
                    lambda: self._closed or (bool(self._queue) and not self.faults.hold_queue)
                )
                if self._closed:
                    return None
                job = self.jobs[self._queue.popleft()]
                if job.status != "QUEUED":
                    continue
                job.status = "RUNNING"
                self.changed.notify_all()
                latency = self.faults.latency_seconds
                self.changed.wait_for(lambda job=job: self._closed or _over(job), latency)  # type: ignore[misc]
                if job.status == "RUNNING" and not self._spend("fail_jobs"):
                    return job
                if job.status == "RUNNING":
                    self._end(job, "ERROR", error="the device lost its calibration")

    def _finish(self, job: ProviderJob, status: str, **fields: str) -> None:
        with self.changed:
            if job.status == "RUNNING":
                self._end(job, status, **fields)

    def _end(self, job: ProviderJob, status: str, **fields: str) -> None:
        for name, value in fields.items():
            setattr(job, name, value)
        job.status = status
        self.changed.notify_all()


def _over(job: ProviderJob) -> bool:
    return job.status in _FINAL


def _status_of(job: ProviderJob) -> _Answer:
    return _Answer(200, job.to_dict())


def _result_of(job: ProviderJob) -> _Answer:
    if job.status != "DONE":
        return _Answer(409, {"error": f"the job is {job.status}: it has no result"})
    return _Answer(200, {"result": job.result})


def _simulate(job: ProviderJob) -> str:
    from qiskit import qpy
    from qiskit_aer import AerSimulator

    circuits = qpy.load(io.BytesIO(job.circuits))
    options = {name: value for name, value in job.options.items() if value is not None}
    result = AerSimulator().run(circuits, **options).result()
    if not result.success:
        raise RuntimeError(result.status)
    result.job_id = job.job_id
    return wire.encode(result)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers; a subclass says whose."""

    protocol_version = "HTTP/1.1"
    provider: StubProvider

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LONGEST_BODY:
            self._send(_Answer(413, {"error": f"at most {_LONGEST_BODY} bytes"}))
            return
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError as error:
            self._send(_Answer(400, {"error": f"not JSON: {error}"}))
            return
        self._serve(body)

    def _serve(self, body: dict[str, Any]) -> None:
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self._send(self.provider.answer(self.command, self.path, key, body))

    def _send(self, answer: _Answer) -> None:
        if answer.drop:
            self.close_connection = True
            return
        data = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's
        """Say nothing: requests are not news."""

    def handle(self) -> None:
        """Serve a connection; one that the client breaks is no error here."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True


def main() -> None:
    """Serve until the process is stopped."""
    import argparse
    import signal

    parser = argparse.ArgumentParser(prog="python -m qruntime.testing.provider")
    parser.add_argument("--key", required=True, help="the key that requests need")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each job takes")
    given = parser.parse_args()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    provider = StubProvider(key=given.key, port=given.port)
    provider.misbehave(latency_seconds=given.latency)
    print(f"provider serves {provider.url}", flush=True)  # noqa: T201  the command's output
    signal.sigwait(ends)
    provider.close()


if __name__ == "__main__":
    main()
