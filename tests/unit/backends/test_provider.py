# SPDX-License-Identifier: Apache-2.0
"""``ProviderBackend`` over a provider with a queue, and what it takes over from a device."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import CXGate, Measure, XGate
from qiskit.providers import BackendV2, JobStatus, JobV1, Options
from qiskit.result import Result
from qiskit.transpiler import Target

from qruntime import (
    AerBackend,
    ExecutionError,
    ExecutionTimeoutError,
    InvalidCircuitError,
    InvalidInputError,
    ProviderBackend,
    UnknownOptionError,
    UnsupportedOptionError,
)
from qruntime.backends import provider as provider_module


def ones(count: int, success: bool = True) -> Result:
    return Result.from_dict(
        {
            "success": success,
            "status": "done" if success else "partly failed",
            "results": [
                {
                    "shots": 1,
                    "success": success,
                    "data": {"counts": {"0x1": 1}},
                    "header": {"name": "c", "memory_slots": 1, "creg_sizes": [["c", 1]]},
                }
            ]
            * count,
        }
    )


class QueuedJob(JobV1):
    """Waits in the provider's queue until its gate opens."""

    def __init__(self, backend: Queue, outcome: Callable[[], Result]) -> None:
        super().__init__(backend, f"job-{len(backend.jobs)}")
        self.outcome = outcome
        self.gate = threading.Event()
        self.state = JobStatus.QUEUED
        self.cancelled = 0
        self._made: Result | BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        self.gate.wait()
        if self.state is JobStatus.CANCELLED:
            return
        try:
            self._made = self.outcome()
            self.state = JobStatus.DONE
        except Exception as error:
            self._made = error
            self.state = JobStatus.ERROR

    def submit(self) -> None:
        self._thread.start()

    def status(self) -> JobStatus:
        return self.state

    def result(self) -> Result:
        self._thread.join()
        if isinstance(self._made, Result):
            return self._made
        raise RuntimeError(f"no result: {self._made}")

    def error_message(self) -> str:
        return str(self._made)

    def cancel(self) -> bool:
        self.cancelled += 1
        self.state = JobStatus.CANCELLED
        self.gate.set()
        return True


class Queue(BackendV2):
    """A device of two qubits behind a queue. Keeps what it was given."""

    def __init__(self, provider: Any = None) -> None:
        super().__init__(provider=provider, name="queue", backend_version="3")
        self._target = Target(num_qubits=2, dt=1e-9)
        self._target.add_instruction(XGate(), {(0,): None, (1,): None})
        self._target.add_instruction(CXGate(), {(0, 1): None})
        self._target.add_instruction(Measure(), {(0,): None, (1,): None})
        self.jobs: list[QueuedJob] = []
        self.given: list[tuple[list[QuantumCircuit], dict[str, Any]]] = []
        self.outcome: Callable[[], Result] | None = None
        self.on_submit: Callable[[QueuedJob], None] = lambda job: job.gate.set()

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> int:
        return 3

    @classmethod
    def _default_options(cls) -> Options:
        options = Options(shots=4000, meas_level=2, flavour="plain")
        options.set_validator("shots", (1, 8000))
        options.set_validator("flavour", ["plain", "sour"])
        return options

    def run(self, run_input: list[QuantumCircuit], **options: Any) -> QueuedJob:
        self.given.append((run_input, options))
        count = len(run_input)
        job = QueuedJob(self, self.outcome or (lambda: ones(count)))
        self.jobs.append(job)
        job.submit()
        self.on_submit(job)
        return job


@pytest.fixture
def queue() -> Iterator[Queue]:
    made = Queue()
    yield made
    for job in made.jobs:
        job.gate.set()
        job._thread.join()


def circuit() -> QuantumCircuit:
    made = QuantumCircuit(1, 1)
    made.x(0)
    made.measure(0, 0)
    return made


def wait_in_line(job: QueuedJob) -> None:
    """Leave the job in the queue."""


# Waiting


def test_run_returns_when_the_queue_has_let_the_job_through(queue: Queue) -> None:
    job = ProviderBackend(queue).run(circuit())

    assert job.done()
    assert job.job_id() == "job-0"
    assert job.result().get_counts() == {"1": 1}
    assert job.result().backend_name == "queue"


def test_it_really_waits(queue: Queue) -> None:
    queue.on_submit = wait_in_line
    backend = ProviderBackend(queue)
    found: list[Any] = []
    started = threading.Event()
    queue.on_submit = lambda job: started.set()
    runner = threading.Thread(target=lambda: found.append(backend.run(circuit(), timeout=60)))

    runner.start()
    started.wait()
    before = list(found)
    queue.jobs[0].gate.set()
    runner.join()

    assert before == []
    assert found[0].done()


def test_a_timeout_cancels_the_providers_job(queue: Queue) -> None:
    queue.on_submit = wait_in_line

    with pytest.raises(ExecutionTimeoutError, match=r"timeout of 0\.01 s \(it was QUEUED\)"):
        ProviderBackend(queue).run(circuit(), timeout=0.01)

    assert queue.jobs[0].cancelled == 1


def test_a_run_after_a_timeout_is_not_affected(queue: Queue) -> None:
    backend = ProviderBackend(queue)
    queue.on_submit = wait_in_line
    with pytest.raises(ExecutionTimeoutError):
        backend.run(circuit(), timeout=0.01)
    queue.on_submit = lambda job: job.gate.set()

    assert backend.run(circuit(), timeout=60).result().get_counts() == {"1": 1}


@pytest.mark.parametrize("timeout", [None, 60])
def test_an_interrupt_cancels_the_providers_job(
    queue: Queue, timeout: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    queue.on_submit = wait_in_line
    monkeypatch.setattr(QueuedJob, "result", interrupt)
    monkeypatch.setattr(provider_module.time, "sleep", interrupt)

    with pytest.raises(KeyboardInterrupt):
        ProviderBackend(queue).run(circuit(), timeout=timeout)

    assert queue.jobs[0].cancelled == 1


def test_a_job_whose_status_cannot_be_asked_is_cancelled_all_the_same(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: QueuedJob) -> JobStatus:
        raise ConnectionError("the line is dead")

    queue.on_submit = wait_in_line
    monkeypatch.setattr(QueuedJob, "status", broken)

    with pytest.raises(ExecutionError, match="ConnectionError: the line is dead"):
        ProviderBackend(queue).run(circuit(), timeout=60)

    assert queue.jobs[0].cancelled == 1


# Failures at the provider


def fail() -> Result:
    raise ValueError("the fridge is warm")


@pytest.mark.parametrize("timeout", [None, 60])
def test_a_job_that_failed_raises_with_the_providers_message(
    queue: Queue, timeout: float | None
) -> None:
    queue.outcome = fail

    with pytest.raises(ExecutionError, match="the fridge is warm"):
        ProviderBackend(queue).run(circuit(), timeout=timeout)

    assert queue.jobs[0].cancelled == 0


@pytest.mark.parametrize("timeout", [None, 60])
def test_a_job_cancelled_at_the_provider_raises(queue: Queue, timeout: float | None) -> None:
    queue.on_submit = lambda job: job.cancel() and None

    with pytest.raises(ExecutionError, match=r"cancelled there|no result") as info:
        ProviderBackend(queue).run(circuit(), timeout=timeout)

    assert not isinstance(info.value, ExecutionTimeoutError)


def test_a_result_that_is_not_a_success_raises_with_its_status(queue: Queue) -> None:
    queue.outcome = lambda: ones(1, success=False)

    with pytest.raises(ExecutionError, match=r"job-0 failed: partly failed"):
        ProviderBackend(queue).run(circuit())


def test_an_exception_at_submission_is_an_execution_error(queue: Queue) -> None:
    def refuse(job: QueuedJob) -> None:
        raise PermissionError("no more credits")

    queue.on_submit = refuse

    with pytest.raises(ExecutionError, match="PermissionError: no more credits") as info:
        ProviderBackend(queue).run(circuit())

    assert isinstance(info.value.__cause__, PermissionError)


@pytest.mark.parametrize("text", ["DONE", "ERROR"])
def test_providers_whose_status_is_text_are_understood(
    queue: Queue, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QueuedJob, "status", lambda job: text)
    backend = ProviderBackend(queue)

    if text == "DONE":
        assert backend.run(circuit(), timeout=60).done()
    else:
        with pytest.raises(ExecutionError, match="job-0 failed"):
            backend.run(circuit(), timeout=60)


# What the provider is told


def test_the_provider_is_told_what_was_asked_for_and_not_its_own_defaults(queue: Queue) -> None:
    backend = ProviderBackend(queue)

    backend.run(circuit())
    backend.run(circuit(), shots=5, job_tags=["mine"])
    backend.set_options(flavour="sour")
    backend.run([circuit()] * 2)

    assert [given[1] for given in queue.given] == [{}, {"shots": 5}, {"flavour": "sour"}]
    assert [len(given[0]) for given in queue.given] == [1, 1, 2]


def test_the_providers_own_options_are_not_changed(queue: Queue) -> None:
    ProviderBackend(queue, shots=7).set_options(flavour="sour")

    assert dict(queue.options) == {"shots": 4000, "meas_level": 2, "flavour": "plain"}


def test_an_option_of_the_device_is_passed_on_where_a_simulator_would_refuse_it(
    queue: Queue,
) -> None:
    ProviderBackend(queue).run(circuit(), meas_level=1)

    assert queue.given[0][1] == {"meas_level": 1}


@pytest.mark.parametrize("fields", [{"shots": 8001}, {"flavour": "sweet"}])
def test_the_providers_validators_are_asked_before_anything_is_submitted(
    queue: Queue, fields: dict[str, object]
) -> None:
    with pytest.raises(InvalidInputError):
        ProviderBackend(queue).run(circuit(), **fields)

    assert queue.given == []


def test_rep_delay_is_refused_by_a_device_that_does_not_have_it(queue: Queue) -> None:
    with pytest.raises(UnsupportedOptionError, match="rep_delay"):
        ProviderBackend(queue).run(circuit(), rep_delay=1e-4)
    assert ProviderBackend(queue).run(circuit(), rep_delay=None).done()


def test_an_unknown_field_of_the_constructor_is_refused(queue: Queue) -> None:
    with pytest.raises(UnknownOptionError, match=r"Options field flavor .* 'flavour'"):
        ProviderBackend(queue, flavor="sour")


def test_more_circuits_than_the_device_takes_are_refused_with_binds_counted(queue: Queue) -> None:
    phase = Parameter("phase")
    turned = circuit()
    turned.global_phase = phase

    with pytest.raises(InvalidInputError, match="4 circuits in one run; 'queue' takes at most 3"):
        ProviderBackend(queue).run([circuit()] * 4)
    with pytest.raises(InvalidInputError, match="takes at most 3"):
        ProviderBackend(queue).run([turned, turned], parameter_binds=[{phase: 1}, {phase: 2}])


def test_a_gate_in_the_wrong_direction_is_refused_before_submission(queue: Queue) -> None:
    wrong = QuantumCircuit(2)
    wrong.cx(1, 0)

    with pytest.raises(InvalidCircuitError, match=r"'cx' on qubits \(1, 0\)"):
        ProviderBackend(queue).run(wrong)

    assert queue.given == []


def test_usage_is_stated_with_the_devices_shots(queue: Queue) -> None:
    job = ProviderBackend(queue).run([circuit()] * 2)

    assert job.metadata == {"circuits": 2, "shots": 8000}


# What it takes over


def test_the_device_is_described_by_its_target(queue: Queue) -> None:
    backend = ProviderBackend(queue)
    configuration = backend.configuration()

    assert backend.name() == "queue"
    assert backend.target is queue.target
    assert configuration.n_qubits == 2
    assert configuration.basis_gates == ["x", "cx"]
    assert configuration.coupling_map == [[0, 1]]
    assert configuration.max_experiments == backend.max_circuits == 3
    assert configuration.max_shots == 8000
    assert configuration.dt == pytest.approx(1e-9)
    assert not configuration.simulator
    assert backend.properties() is None


def test_the_provider_is_the_devices() -> None:
    provider = SimpleNamespace(name="lab")

    assert ProviderBackend(Queue(provider)).provider() is provider
    assert ProviderBackend(Queue()).provider() is None
    assert ProviderBackend(ProviderBackend(Queue(provider))).provider() is provider


def test_a_backend_can_be_given_another_name(queue: Queue) -> None:
    backend = ProviderBackend(queue, name="mine")

    assert backend.name() == backend.configuration().backend_name == "mine"
    assert queue.name == "queue"


def test_a_simulated_device_keeps_its_own_noise() -> None:
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    circuits = [QuantumCircuit(1)]
    circuits[0].x(0)
    circuits[0].measure_all()
    device = FakeManilaV2()

    found = ProviderBackend(device).run(circuits, seed_simulator=1).result().get_counts()
    ideal = ProviderBackend(device).run(circuits, noise_model=None).result().get_counts()

    assert found == device.run(circuits, seed_simulator=1).result().get_counts()
    assert found["0"] > 0
    assert ideal == {"1": 1024}


def test_simulators_are_said_to_be_simulators() -> None:
    from qiskit.providers.basic_provider import BasicSimulator

    assert ProviderBackend(BasicSimulator()).configuration().simulator
    assert ProviderBackend(AerBackend()).configuration().simulator


def test_a_plugin_of_the_device_for_the_transpiler_is_kept(queue: Queue) -> None:
    queue.get_translation_stage_plugin = lambda: "mine"  # type: ignore[attr-defined]

    assert ProviderBackend(queue).get_translation_stage_plugin() == "mine"  # type: ignore[attr-defined]


def test_what_is_not_a_backend_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="a device is a Qiskit backend"):
        ProviderBackend(SimpleNamespace(name="x"))  # type: ignore[arg-type]
