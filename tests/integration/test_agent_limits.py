# SPDX-License-Identifier: Apache-2.0
"""What a job may use, and that who hits a limit is told which one."""

from __future__ import annotations

import pytest

from qruntime.agent.events import EndReason
from qruntime.agent.limits import MIB, Limits
from qruntime.worker.task import FrameKind


def test_the_processor_time_of_a_job_is_limited(shared_agent):
    end = shared_agent.end(shared_agent.main("while True: pass", limits=Limits(cpu_seconds=0.3)))

    assert end.reason is EndReason.DIED
    assert end.cause.code == "limit_exceeded"
    assert "more processor time than its limit of 0.3 s" in end.cause.message


def test_the_processor_time_of_children_counts(shared_agent):
    attempt = shared_agent.main(
        "import os, signal",
        "if os.fork() == 0:",
        "    while True: pass",
        "signal.pause()",
        limits=Limits(cpu_seconds=0.3),
    )

    assert "processor time" in shared_agent.end(attempt).cause.message


def test_one_large_allocation_is_refused_and_the_limit_is_named(shared_agent):
    attempt = shared_agent.main("bytearray(10**9)", limits=Limits(memory_bytes=256 * MIB))

    failure = shared_agent.failure(attempt)

    assert failure["code"] == "program_raised"
    assert "its limit of memory is 256 MiB" in failure["message"]


def test_arrays_count_as_memory(shared_agent):
    attempt = shared_agent.main(
        "import numpy", "return numpy.ones(10**8).sum()", limits=Limits(memory_bytes=256 * MIB)
    )

    assert "its limit of memory is 256 MiB" in shared_agent.failure(attempt)["message"]


def test_memory_of_all_processes_together_is_limited(shared_agent):
    attempt = shared_agent.main(
        "import os, signal",
        "for _ in range(4):",
        "    if os.fork() == 0:",
        "        kept = b'x' * (100 * 2**20)",
        "        signal.pause()",
        "signal.pause()",
        limits=Limits(memory_bytes=256 * MIB),
    )

    end = shared_agent.end(attempt)

    assert end.cause.code == "limit_exceeded"
    assert end.cause.message == "the job used more memory than its limit of 256 MiB"


def test_simulations_fit_into_a_limit_of_memory_that_counts_only_the_jobs_own(shared_agent):
    attempt = shared_agent.main(
        "from qiskit import QuantumCircuit, transpile",
        "circuit = QuantumCircuit(16)",
        "circuit.h(range(16))",
        "circuit.measure_all()",
        "circuit = transpile(circuit, backend)",
        "return sum(backend.run(circuit, shots=100).result().get_counts().values())",
        limits=Limits(memory_bytes=128 * MIB),
    )

    assert shared_agent.result(attempt) == 100


def test_processes_that_fork_without_end_are_stopped(shared_agent):
    attempt = shared_agent.main(
        "import os, signal",
        "while True:",
        "    if os.fork() == 0:",
        "        signal.pause()",
        limits=Limits(processes=10),
    )

    end = shared_agent.end(attempt)

    assert "more processes than its limit of 10" in end.cause.message


@pytest.mark.parametrize(
    ("limits", "line", "said"),
    [
        (
            Limits(file_bytes=MIB),
            "open('large', 'wb').write(bytes(2 * 2**20))",
            "its limit of one file is 1 MiB",
        ),
        (
            Limits(open_files=32),
            "kept = [open('/dev/null') for _ in range(64)]",
            "its limit of open files is 32",
        ),
    ],
    ids=["file", "files"],
)
def test_a_limit_that_a_program_meets_as_an_error_is_named(shared_agent, limits, line, said):
    failure = shared_agent.failure(shared_agent.main(line, limits=limits))

    assert failure["message"].startswith("OSError")
    assert said in failure["message"]


@pytest.mark.parametrize(
    "write",
    ["print('line')", "os.write(1, b'line\\n')", "os.write(2, b'endless')"],
    ids=["print", "lines", "no newline"],
)
def test_endless_output_is_cut_with_a_notice(shared_agent, write):
    attempt = shared_agent.main(
        "import os",
        "for _ in range(10_000):",
        f"    {write}",
        "return 'ended'",
        limits=Limits(output_bytes=1000),
    )

    logs = shared_agent.of(attempt, FrameKind.LOG)

    assert shared_agent.result(attempt) == "ended"
    assert sum(map(len, logs[:-1])) <= 1000
    assert logs[-1] == "the output is longer than its limit of 1000 bytes: the rest is left out"


@pytest.mark.parametrize(
    ("limits", "said", "kept"),
    [
        (Limits(interim_results=10), "more interim results than its limit of 10", 10),
        (Limits(interim_bytes=70), "interim results are larger together than 70 bytes", 10),
    ],
    ids=["number", "bytes"],
)
def test_endless_interim_results_end_the_job(shared_agent, limits, said, kept):
    attempt = shared_agent.main("while True: user_messenger.publish('again')", limits=limits)

    end = shared_agent.end(attempt)

    assert end.cause.code == "limit_exceeded"
    assert said in end.cause.message
    assert len(shared_agent.of(attempt, FrameKind.INTERIM_RESULT)) == kept


def test_a_message_that_is_too_large_ends_the_job(shared_agent):
    attempt = shared_agent.main("return 'x' * 10**7", limits=Limits(frame_bytes=MIB))

    assert "a message larger than its limit of 1 MiB" in shared_agent.end(attempt).cause.message


def test_a_worker_has_the_threads_that_it_was_given(own_agent):
    follower = own_agent()
    code = ("import os", "return [os.environ[n + '_NUM_THREADS'] for n in ('OMP', 'RAYON')]")

    one = follower.main(*code)
    two = follower.main(*code, limits=Limits(threads=2))

    assert follower.result(one) == ["1", "1"]
    assert follower.result(two) == ["2", "2"]
    assert follower.agent.info().warm


def test_what_an_attempt_used_is_told_at_its_end(shared_agent):
    attempt = shared_agent.main(
        "import time",
        "kept = b'x' * (300 * 2**20)",
        "while time.process_time() < 0.2: pass",
    )

    usage = shared_agent.end(attempt).usage

    assert usage.cpu_seconds > 0.15
    assert usage.seconds > 0.15
    assert usage.peak_bytes > 300 * MIB
