# SPDX-License-Identifier: Apache-2.0
"""The library of ``testing.provider``: its device as a Qiskit backend whose jobs are asynchronous.

What a real provider's library is to its devices, this is to the stand-in: it holds the address and
the key, so it belongs where a program cannot see it.
"""

from __future__ import annotations

import base64
import io
import time
import weakref
from typing import Any

from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Delay, Measure, Parameter, Reset
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.providers import BackendV2, JobStatus, JobV1, Options
from qiskit.result import Result
from qiskit.transpiler import Target

from qruntime import wire

_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.002
_LONGEST_PAUSE_SECONDS = 0.5


class HttpBackend(BackendV2):
    """The device of a ``StubProvider``.

    ``run`` returns at once. It takes a ``client_token``: of several submissions with one token the
    provider accepts the first, and ``job_by_token`` finds its job.

    Raises:
        ConnectionError: the provider is not reached, or fails; the same request may work later.
        PermissionError: the key is not valid.
    """

    retry_safe = False

    def __init__(self, url: str, key: str) -> None:
        self._requests = _Requests(url, key)
        device = self._requests.send("GET", "/device")
        super().__init__(name=device["name"], description="a stand-in for a quantum device")
        self._target = _target(device)
        self._max_circuits = int(device["max_circuits"])
        self.options.set_validator("shots", (1, int(device["max_shots"])))

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1024, memory=False, seed_simulator=None)

    @property
    def target(self) -> Target:
        """The device's target."""
        return self._target

    @property
    def max_circuits(self) -> int:
        """The largest number of circuits in one job."""
        return self._max_circuits

    def run(
        self,
        run_input: QuantumCircuit | list[QuantumCircuit],
        *,
        client_token: str | None = None,
        **options: Any,
    ) -> HttpJob:
        """Submit circuits; ``options`` override the backend's."""
        circuits = [run_input] if isinstance(run_input, QuantumCircuit) else list(run_input)
        stream = io.BytesIO()
        qpy.dump(circuits, stream)
        body = {
            "circuits": base64.b64encode(stream.getvalue()).decode(),
            "options": {**dict(self.options), **options},
            "token": client_token,
        }
        return HttpJob(self, self._requests.send("POST", "/jobs", body)["id"])

    def retrieve_job(self, job_id: str) -> HttpJob:
        """Return a job of this id.

        Raises:
            LookupError: there is none.
        """
        return HttpJob(self, self._requests.send("GET", f"/jobs/{job_id}")["id"])

    def job_by_token(self, token: str) -> HttpJob | None:
        """Return the job that was submitted with a token, or None if there is none."""
        found = self._requests.send("GET", f"/jobs?token={token}")["jobs"]
        return HttpJob(self, found[0]["id"]) if found else None


class HttpJob(JobV1):
    """A job at the provider."""

    def submit(self) -> None:
        """Do nothing: the provider has the job."""

    def status(self) -> JobStatus:
        """Return the job's status as it is now."""
        return JobStatus[self._ask()["status"]]

    def error_message(self) -> str:
        """Return why the job failed."""
        return str(self._ask()["error"])

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the result.

        Raises:
            TimeoutError: it took longer than ``timeout`` seconds.
            RuntimeError: the job failed or was cancelled.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _FIRST_PAUSE_SECONDS
        while (status := self.status()) not in (
            JobStatus.DONE,
            JobStatus.ERROR,
            JobStatus.CANCELLED,
        ):
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"job '{self.job_id()}' is {status.name} after {timeout:g} s")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        if status is not JobStatus.DONE:
            raise RuntimeError(f"job '{self.job_id()}' is {status.name}: {self.error_message()}")
        text = self._requests.send("GET", f"/jobs/{self.job_id()}/result")["result"]
        result: Result = wire.decode(text)
        return result

    def cancel(self) -> bool:
        """Ask for the job's end; return whether it was cancelled."""
        told = self._requests.send("POST", f"/jobs/{self.job_id()}/cancel")
        return bool(told["status"] == "CANCELLED")

    @property
    def _requests(self) -> _Requests:
        requests: _Requests = self.backend()._requests
        return requests

    def _ask(self) -> dict[str, Any]:
        return self._requests.send("GET", f"/jobs/{self.job_id()}")


class _Requests:
    """Requests with the key; the errors that they end in."""

    def __init__(self, url: str, key: str) -> None:
        import httpx2

        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx2.Client(
            base_url=url, headers=headers, timeout=_SECONDS, trust_env=False
        )
        weakref.finalize(self, self._client.close)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        import httpx2

        try:
            response = self._client.request(method, path, json=body)
        except httpx2.TransportError as error:
            raise ConnectionError(
                f"the provider is not reached: {type(error).__name__}: {error}"
            ) from error
        if response.is_success:
            held: dict[str, Any] = response.json()
            return held
        reason = f"the provider answered {response.status_code}: {response.text[:300]}"
        if response.is_server_error:
            raise ConnectionError(reason)
        if response.status_code == 401:
            raise PermissionError(reason)
        raise LookupError(reason) if response.status_code == 404 else RuntimeError(reason)


def _target(device: dict[str, Any]) -> Target:
    width = int(device["num_qubits"])
    known = get_standard_gate_name_mapping()
    pairs = [tuple(pair) for pair in device["coupling_map"]]
    target = Target(num_qubits=width)
    single = [(qubit,) for qubit in range(width)]
    for name in device["basis_gates"]:
        gate = known[name]
        places = single if gate.num_qubits == 1 else pairs
        target.add_instruction(gate, dict.fromkeys(places))
    for operation in (Measure(), Reset(), Delay(Parameter("t"))):
        target.add_instruction(operation, dict.fromkeys(single))
    return target
