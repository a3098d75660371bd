# SPDX-License-Identifier: Apache-2.0
"""Runs with a timeout: they stop when they should, and leave nothing behind."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_aer.noise import NoiseModel, depolarizing_error

from qruntime import AerBackend, ExecutionError, ExecutionTimeoutError, InvalidInputError
from qruntime.backends import aer_process
from qruntime.backends.aer_runs import Plan
from qruntime.backends.circuits import Work


@pytest.fixture(scope="module", autouse=True)
def _no_child_is_left() -> Iterator[None]:
    yield
    aer_process._close()


@pytest.fixture
def backend() -> AerBackend:
    return AerBackend(seed_simulator=3)


def flip() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.ry(0.8, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def long() -> QuantumCircuit:
    """Minutes of work on any machine, within the memory of a small one."""
    circuit = QuantumCircuit(22)
    with circuit.for_loop(range(100_000)):
        for qubit in range(21):
            circuit.ry(0.1, qubit)
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def warm_pid(backend: AerBackend) -> int:
    backend.run(flip(), timeout=60)
    (child,) = aer_process._idle
    return child.pid


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_run_that_takes_too_long_is_stopped_and_its_process_is_gone(backend: AerBackend) -> None:
    pid = warm_pid(backend)

    with pytest.raises(ExecutionTimeoutError, match=r"within the timeout of 0\.2 s"):
        backend.run(long(), timeout=0.2)

    assert gone(pid)


def test_the_timeout_is_a_timeout_error_of_python_too(backend: AerBackend) -> None:
    with pytest.raises(TimeoutError):
        backend.run(long(), timeout=0.01)


def test_runs_after_a_timeout_are_not_affected(backend: AerBackend) -> None:
    before = backend.run(flip(), timeout=60).result().get_counts()
    with pytest.raises(ExecutionTimeoutError):
        backend.run(long(), timeout=0.01)

    assert backend.run(flip(), timeout=60).result().get_counts() == before
    assert backend.run(flip()).result().get_counts() == before


def test_the_process_is_kept_warm(backend: AerBackend) -> None:
    assert warm_pid(backend) == warm_pid(backend)


def test_counts_are_the_same_with_and_without_a_timeout(backend: AerBackend) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx"])
    options: dict[str, Any] = {"noise_model": noise, "shots": 500, "memory": True}

    timed = backend.run([flip(), flip()], timeout=60, **options).result()
    free = backend.run([flip(), flip()], **options).result()

    assert [timed.get_memory(index) for index in (0, 1)] == [
        free.get_memory(index) for index in (0, 1)
    ]


def test_a_process_that_dies_while_it_computes_is_an_execution_error(
    backend: AerBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = warm_pid(backend)
    write = aer_process._write

    def write_and_kill(pipe: Any, data: bytes) -> None:
        write(pipe, data)
        os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(aer_process, "_write", write_and_kill)
    with pytest.raises(ExecutionError, match="died with exit status -9") as info:
        backend.run(long(), timeout=60)
    monkeypatch.undo()

    assert not isinstance(info.value, ExecutionTimeoutError)
    assert backend.run(flip(), timeout=60).done()


def test_a_process_that_died_while_idle_is_replaced(backend: AerBackend) -> None:
    pid = warm_pid(backend)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert backend.run(flip(), timeout=60).done()
    assert warm_pid(backend) != pid


def test_an_error_in_the_process_keeps_its_message(backend: AerBackend) -> None:
    wide = QuantumCircuit(24)
    wide.ry(0.1, range(24))
    wide.measure_all()
    pid = warm_pid(backend)

    with pytest.raises(ExecutionError, match="memory") as free:
        backend.run(wide, max_memory_mb=1)
    with pytest.raises(ExecutionError) as timed:
        backend.run(wide, max_memory_mb=1, timeout=60)

    assert str(timed.value) == str(free.value)
    assert warm_pid(backend) == pid


def test_an_interrupt_while_waiting_kills_the_process(
    backend: AerBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = warm_pid(backend)

    class Interrupted:
        def register(self, *args: Any) -> None:
            """Watch nothing."""

        def poll(self, milliseconds: float) -> list[Any]:
            signal.raise_signal(signal.SIGINT)
            return []

    monkeypatch.setattr(select, "poll", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        backend.run(long(), timeout=60)
    monkeypatch.undo()

    assert gone(pid)


def test_an_interrupt_while_the_process_starts_leaves_no_half_started_one(
    backend: AerBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    aer_process._close()

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(select, "poll", interrupt)
    with pytest.raises(KeyboardInterrupt):
        backend.run(flip(), timeout=60)
    monkeypatch.undo()

    assert not aer_process._idle
    assert backend.run(flip(), timeout=60).result().get_counts()


def test_a_process_that_does_not_start_is_an_execution_error(
    backend: AerBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    aer_process._close()
    monkeypatch.setattr(aer_process, "_START_SECONDS", 0.0)

    with pytest.raises(ExecutionError, match="did not start"):
        backend.run(flip(), timeout=60)


def test_runs_at_the_same_time_have_a_process_each_and_one_is_kept() -> None:
    first, second = aer_process._take(), aer_process._take()
    pids = [first.pid, second.pid]

    aer_process._give_back(first)
    aer_process._give_back(second)

    assert pids[0] != pids[1]
    assert [child.pid for child in aer_process._idle] == [pids[0]]
    assert gone(pids[1])


def test_a_forked_process_does_not_use_its_parents_child(backend: AerBackend) -> None:
    warm_pid(backend)
    (child,) = aer_process._idle

    aer_process._forget_children()

    try:
        assert child.alive()
        assert not aer_process._idle
    finally:
        child.kill()


def test_what_cannot_be_pickled_is_refused_before_anything_runs(backend: AerBackend) -> None:
    circuit = flip()
    circuit.metadata = {"call": lambda: 1}

    with pytest.raises(InvalidInputError, match="timeout= simulates in another process"):
        backend.run(circuit, timeout=60)


def test_what_the_process_cannot_rebuild_is_refused_and_the_process_lives(
    backend: AerBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("only_here")
    monkeypatch.setitem(sys.modules, "only_here", module)
    exec("class Note: pass", module.__dict__)
    circuit = flip()
    circuit.metadata = {"note": module.Note()}
    pid = warm_pid(backend)

    with pytest.raises(InvalidInputError, match="only_here"):
        backend.run(circuit, timeout=60)

    assert warm_pid(backend) == pid


def test_a_computation_whose_parent_is_gone_ends_by_an_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alarms: list[float] = []
    monkeypatch.setattr(signal, "setitimer", lambda which, seconds: alarms.append(seconds))

    plan = Plan({"shots": 1, "memory": False}, "aer", {})
    aer_process._answer(pickle.dumps(([Work(flip())], plan, 5.0)))
    aer_process._answer(pickle.dumps(([Work(flip())], plan, float("inf"))))

    assert alarms == [65.0, 0, 0, 0]
