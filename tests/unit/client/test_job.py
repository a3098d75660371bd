# SPDX-License-Identifier: Apache-2.0
"""``RuntimeJob``: its states, its streams and its end."""

from __future__ import annotations

import sys
import threading

import pytest

from qruntime import (
    InvalidStateError,
    JobCancelledError,
    JobFailedError,
    JobNotFoundError,
    JobRanTooLongError,
    JobStatus,
    JobTimeoutError,
    RuntimeService,
)


@pytest.fixture
def service():
    with RuntimeService() as made:
        yield made


@pytest.fixture
def gate():
    """An event that lets a waiting program go on; set at the end in any case."""
    event = threading.Event()
    yield event
    event.set()


def waits_for(gate):
    def main(backend, user_messenger):
        user_messenger.publish("started")
        gate.wait(60)
        backend.run([], shots=1)
        return "done"

    return main


def started(job):
    """Wait until the job's program runs."""
    for event in job.events(timeout=30):
        if event.kind == "interim_result":
            return


def test_a_job_tells_where_it_is(service, gate):
    def main(backend, user_messenger):
        user_messenger.publish(1)
        gate.wait(60)

    job = service.run(main, options={"job_tags": ["a", "b"]})
    started(job)

    assert job.running()
    assert job.status() == "RUNNING"
    assert not job.in_final_state()
    gate.set()
    assert job.result(30) is None
    assert job.done()
    assert job.status() is JobStatus.COMPLETED
    assert job.tags == ["a", "b"]
    assert job.job_id() == job.job_id
    assert job.backend().name == job.backend.name == "aer_simulator"
    assert job.program_id.startswith("function:")


def test_a_failed_job_raises_with_the_programs_traceback(service):
    def main(backend, user_messenger):
        raise ValueError("no such molecule")

    job = service.run(main)

    with pytest.raises(JobFailedError, match="no such molecule") as caught:
        job.result(30)
    assert "in main" in caught.value.traceback
    assert "qruntime" not in caught.value.traceback
    assert job.errored()
    assert job.error_message() == caught.value.traceback


def test_waiting_too_briefly_leaves_the_job_going(service, gate):
    def main(backend, user_messenger):
        gate.wait(60)
        return "done"

    job = service.run(main)

    with pytest.raises(JobTimeoutError, match="goes on"):
        job.result(timeout=0.01)
    gate.set()
    assert job.result(30) == "done"


def test_a_cancelled_job_ends_at_once_and_stays_cancelled(service, gate):
    job = service.run(waits_for(gate))
    started(job)

    job.cancel()

    assert job.cancelled()
    with pytest.raises(JobCancelledError):
        job.result(30)
    gate.set()
    with pytest.raises(InvalidStateError, match="it is CANCELLED"):
        job.cancel()


def test_a_queued_job_that_is_cancelled_never_runs(gate):
    ran = []
    with RuntimeService(jobs_at_once=1) as service:
        first = service.run(waits_for(gate))
        started(first)
        second = service.run(lambda backend, user_messenger: ran.append(1))

        second.cancel()
        first.cancel()
        gate.set()
        third = service.run(lambda backend, user_messenger: 3)

        assert third.result(30) == 3
        assert ran == []
        assert second.cancelled()


def test_closing_cancels_what_is_queued(gate):
    with RuntimeService(jobs_at_once=1) as service:
        first = service.run(waits_for(gate))
        started(first)
        second = service.run(lambda backend, user_messenger: 2)

    with pytest.raises(JobCancelledError):
        second.result(30)
    gate.set()


def test_a_job_whose_launcher_fails_is_a_failed_job(service, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")

    job = service.run(lambda backend, user_messenger: 1)

    with pytest.raises(JobFailedError, match="could not be run: FileNotFoundError"):
        job.result(30)


def test_the_process_has_its_streams_back_after_the_job(service):
    before = sys.stdout, sys.stderr

    service.run(lambda backend, user_messenger: sys.stdout.fileno()).wait_for_final_state(30)
    service.close()

    assert (sys.stdout, sys.stderr) == before


def test_a_job_that_runs_too_long_is_stopped_and_says_so(service):
    def main(backend, user_messenger):
        while True:
            pass

    job = service.run(main, options={"max_execution_time": 0.2})

    with pytest.raises(JobRanTooLongError, match=r"limit of 0\.2 s"):
        job.result(30)
    assert job.status() == "CANCELLED - RAN TOO LONG"


def test_a_programs_own_limit_holds_without_an_option(service):
    code = "def main(backend, user_messenger):\n    while True:\n        pass\n"
    program_id = service.upload_program(code, {"name": "loop", "max_execution_time": 1})

    with pytest.raises(JobRanTooLongError, match="limit of 1 s"):
        service.run(program_id).result(30)


def test_except_exception_does_not_hold_up_a_stop(service):
    def main(backend, user_messenger):
        while True:
            try:
                user_messenger.publish(1)
            except Exception:  # the program tries to go on whatever happens
                pass

    job = service.run(main)
    started(job)
    job.cancel()

    assert job.cancelled()


def test_a_callback_gets_every_interim_result_in_order(service):
    got = []
    everything = threading.Event()

    def callback(job_id, interim_result):
        got.append((job_id, interim_result))
        if interim_result == 99:
            everything.set()

    def main(backend, user_messenger):
        for number in range(100):
            user_messenger.publish(number)

    job = service.run(main, callback=callback)

    assert everything.wait(30)
    assert got == [(job.job_id(), number) for number in range(100)]


def test_streaming_after_the_end_gives_everything_from_the_first(service):
    def main(backend, user_messenger):
        user_messenger.publish("a")
        user_messenger.publish("b")

    job = service.run(main)
    job.result(30)
    got = []
    done = threading.Event()

    job.stream_results(lambda _, result: (got.append(result), done.set() if len(got) == 2 else 0))

    assert done.wait(30)
    assert got == ["a", "b"]


def test_a_second_callback_waits_for_the_end_of_the_first(service, gate):
    job = service.run(waits_for(gate), callback=lambda *_: None)

    with pytest.raises(InvalidStateError, match="cancel_result_streaming"):
        job.stream_results(lambda *_: None)
    job.cancel_result_streaming()
    job.stream_results(lambda *_: None)


def test_a_callback_that_raises_harms_nobody(service, caplog):
    def main(backend, user_messenger):
        user_messenger.publish(1)
        return 2

    def broken(job_id, result):
        raise RuntimeError("broken callback")

    job = service.run(main, callback=broken)

    assert job.result(30) == 2


def test_concurrent_jobs_keep_their_outputs_apart(service):
    barrier = threading.Barrier(3)

    def main(backend, user_messenger, name):
        barrier.wait(30)
        for number in range(50):
            print(name, number)

    jobs = {name: service.run(main, {"name": name}) for name in "abc"}

    for name, job in jobs.items():
        job.result(30)
        assert job.logs() == "".join(f"{name} {number}\n" for number in range(50))


def test_what_is_printed_outside_a_job_goes_where_it_always_went(service, capsys):
    service.run(lambda backend, user_messenger: print("inside")).result(30)

    print("outside")

    assert capsys.readouterr().out == "outside\n"


def test_metrics_tell_times_and_usage(service):
    def main(backend, user_messenger):
        from qiskit import QuantumCircuit

        circuit = QuantumCircuit(1, 1)
        circuit.measure(0, 0)
        backend.run([circuit] * 3, shots=4)

    job = service.run(main)
    job.result(30)

    metrics = job.metrics()
    stamps = metrics["timestamps"]
    assert metrics["usage"] == {"runs": 1, "circuits": 3, "shots": 12}
    assert stamps["created"] <= stamps["running"] <= stamps["finished"]


def test_jobs_are_listed_newest_first_and_filtered(service):
    quick = [service.run(lambda backend, user_messenger: 1) for _ in range(3)]
    for job in quick:
        job.result(30)
    failed = service.run(lambda backend, user_messenger: 1 / 0, options={"job_tags": ["bad"]})
    failed.wait_for_final_state(30)

    assert [job.job_id for job in service.jobs(limit=2)] == [failed.job_id, quick[2].job_id]
    assert [job.job_id for job in service.jobs(status="FAILED")] == [failed.job_id]
    assert [job.job_id for job in service.jobs(tags=["bad"])] == [failed.job_id]
    assert service.jobs(pending=True) == []
    assert len(service.jobs(skip=1)) == 3


def test_a_deleted_job_is_gone_and_a_running_one_cannot_be_deleted(service, gate):
    job = service.run(waits_for(gate))
    started(job)

    with pytest.raises(InvalidStateError, match="cancel it"):
        service.delete_job(job.job_id)
    job.cancel()
    service.delete_job(job.job_id)
    with pytest.raises(JobNotFoundError):
        service.job(job.job_id)


def test_a_notebook_shows_a_job_as_a_table_in_which_nothing_is_markup(service):
    def main(backend, user_messenger):
        raise ValueError("<script>alert(1)</script>")

    job = service.run(main)
    job.wait_for_final_state(30)

    shown = job._repr_html_()
    assert "<th>status</th><td>FAILED</td>" in shown
    assert "<script>" not in shown
