# SPDX-License-Identifier: Apache-2.0
"""``WatchedBackend`` watches runs and is otherwise the backend that it holds."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers import Options

from qruntime import AerBackend, InvalidInputError, ProgramBackend
from qruntime.backends.wrappers import WatchedBackend
from qruntime.core.jobs import JobUsage


class Bare(ProgramBackend):
    """A device whose job says nothing about what was used."""

    class Configuration:
        backend_name = "bare"
        n_qubits = 1
        basis_gates = ("x",)

    def __init__(self) -> None:
        super().__init__(self.Configuration())

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=10)

    def run(self, circuits: Any, timeout: float | None = None, **run_config: Any) -> object:
        return object()


def watched(backend: ProgramBackend) -> tuple[ProgramBackend, list[JobUsage]]:
    seen: list[JobUsage] = []
    return WatchedBackend(backend, before_run=lambda: None, after_run=seen.append), seen


def circuit() -> QuantumCircuit:
    made = QuantumCircuit(1, 1)
    made.measure(0, 0)
    return made


def test_usage_adds_up_over_runs() -> None:
    backend, seen = watched(AerBackend())

    backend.run(circuit(), shots=5)
    backend.run([circuit()] * 3, shots=7)

    assert seen == [JobUsage(1, 1, 5), JobUsage(2, 4, 26)]


def test_usage_counts_what_parameter_binds_make_of_the_circuits() -> None:
    backend, seen = watched(AerBackend(shots=10))
    phase = Parameter("phase")
    turned = circuit()
    turned.global_phase = phase

    backend.run(turned, parameter_binds=[{phase: [1.0, 2.0, 3.0]}])

    assert seen == [JobUsage(1, 3, 30)]


@pytest.mark.parametrize(
    ("args", "run_config", "used"),
    [
        ((circuit(),), {}, (1, 10)),
        (([circuit()] * 2,), {"shots": 3}, (2, 6)),
        ((), {"circuits": [circuit()] * 2, "shots": None}, (2, 20)),
    ],
)
def test_usage_of_a_device_that_does_not_state_it_is_counted_from_the_arguments(
    args: Any, run_config: Any, used: tuple[int, int]
) -> None:
    backend, seen = watched(Bare())

    backend.run(*args, **run_config)

    assert (seen[0].circuits, seen[0].shots) == used


def test_a_run_that_is_refused_is_not_counted() -> None:
    backend, seen = watched(AerBackend())

    with pytest.raises(InvalidInputError):
        backend.run([])

    assert seen == []


def test_before_run_can_stop_a_program() -> None:
    def stop() -> None:
        raise InterruptedError

    seen: list[JobUsage] = []
    backend = WatchedBackend(AerBackend(), before_run=stop, after_run=seen.append)

    with pytest.raises(InterruptedError):
        backend.run(circuit())

    assert seen == []


def test_it_passes_for_the_backend_that_it_holds() -> None:
    held = AerBackend()
    backend, _ = watched(held)

    assert isinstance(backend, AerBackend)
    assert (str(backend), repr(backend)) == (str(held), repr(held))
    assert backend.target is held.target
    assert backend.options is held.options


def test_what_is_set_on_it_is_set_on_the_backend_that_it_holds() -> None:
    held = AerBackend()
    backend, _ = watched(held)

    backend.set_options(shots=3)
    backend.name = "mine"
    backend.note = 1

    assert (held.options.shots, held.name(), held.note) == (3, "mine", 1)


def test_the_backend_of_a_job_is_the_one_that_is_watched() -> None:
    backend, seen = watched(AerBackend())

    backend.run(circuit()).backend().run(circuit())

    assert len(seen) == 2
