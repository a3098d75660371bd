# SPDX-License-Identifier: Apache-2.0
"""What passes between a worker and its agent, and what a worker is given to see."""

from __future__ import annotations

import json
import os

import pytest

from qruntime.agent.events import EndReason
from qruntime.agent.limits import Limits
from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidStateError
from qruntime.worker.task import Frame, FrameKind, Task

INTERIM = FrameKind.INTERIM_RESULT
RAW = "import os, qruntime.agent.worker as own; home = own.home._connection"


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        "[]",
        '["result"]',
        '["result", 1, ""]',
        '["no_such_kind", "1", ""]',
        '["failure", "{}", ""]',
        '["usage", "{\\\\"runs\\\\": -1}", ""]',
        "[" * 100_000,
        "\\xff\\xfe",
    ],
)
def test_what_is_no_message_ends_the_job(shared_agent, line):
    attempt = shared_agent.main(RAW, f"home.sendall(b'{line}\\n')", "while True: pass")

    end = shared_agent.end(attempt)

    assert end.reason is EndReason.DIED
    assert "wrote into the channel" in end.cause.message


def test_writing_to_every_descriptor_ends_the_job(shared_agent):
    attempt = shared_agent.main(
        "import os",
        "for number in range(3, 60):",
        "    try: os.write(number, b'hello\\n')",
        "    except OSError: pass",
        "return 1",
    )

    assert "wrote into the channel" in shared_agent.end(attempt).cause.message


def test_a_second_result_is_not_heard(shared_agent):
    second = Frame(FrameKind.RESULT, "2").to_json().encode() + b"\n"
    attempt = shared_agent.main(RAW, f"home.sendall({second!r})", "return 1")

    assert shared_agent.of(attempt, FrameKind.RESULT) == ["2"]


def test_half_a_character_pair_is_replaced(shared_agent):
    attempt = shared_agent.main("print('a\\ud800b')")

    assert shared_agent.of(attempt, FrameKind.LOG) == ["a?b"]


def test_a_worker_hears_what_it_is_sent_in_order(shared_agent):
    attempt = shared_agent.main(
        "import qruntime.agent.worker as own",
        "user_messenger.publish('ready')",
        "return [own.home.receive().decode() for _ in range(2)]",
    )
    shared_agent.published(attempt)
    frames = [Frame(INTERIM, "x" * 300_000), Frame(INTERIM, "second")]

    for frame in frames:
        shared_agent.agent.send(attempt, frame)

    assert shared_agent.result(attempt) == [frame.to_json() + "\n" for frame in frames]


def test_a_worker_that_reads_nothing_of_what_it_is_sent_is_ended(shared_agent):
    attempt = shared_agent.main(
        "user_messenger.publish('ready')",
        "while True: pass",
        limits=Limits(frame_bytes=100_000),
    )
    shared_agent.published(attempt)

    for _ in range(30):
        shared_agent.agent.send(attempt, Frame(FrameKind.ANSWER, "x" * 90_000, "1"))

    assert "does not read" in shared_agent.end(attempt).cause.message


def test_events_are_given_again_until_they_are_acknowledged(own_agent):
    follower = own_agent()
    attempt = follower.main("user_messenger.publish(1)", "return 2")
    follower.ended(attempt)
    agent = follower.agent
    last = follower._cursor

    again = agent.events(0, 0.0)
    later = agent.events(last, 0.0)
    nothing = agent.events(0, 0.0)

    assert again[-1].cursor == last
    assert (later, nothing) == ([], [])


def test_a_worker_that_is_not_listened_to_waits_and_loses_nothing(own_agent):
    follower = own_agent()
    attempt = follower.main(
        "for number in range(600):",
        "    user_messenger.publish([number, 'x' * 10_000])",
        "return 'ended'",
    )
    first = follower.agent.events(0, 30.0)
    other = follower.main("return 1")  # the agent has time for others meanwhile
    while not any(
        e.attempt_id == other and e.what.kind == FrameKind.RESULT
        for e in follower.agent.events(0, 30.0)
        if isinstance(e.what, Frame)
    ):
        pass
    held = [e for e in follower.agent.events(0, 0.0) if e.attempt_id == attempt]

    numbers = [json.loads(data)[0] for data in follower.of(attempt, INTERIM)]

    assert first
    assert len(held) < 200
    assert numbers == list(range(600))
    assert follower.result(attempt) == "ended"


def test_output_of_c_code_comes_before_the_result_and_a_rest_without_newline_too(shared_agent):
    attempt = shared_agent.main("import os", "os.write(1, b'raw\\nrest')", "return 1")

    told = [f.data for f in shared_agent.ended(attempt)[:-1] if f.kind is not FrameKind.USAGE]
    assert told == ["raw", "rest", "1"]


def test_a_worker_sees_no_secret_of_the_agent(own_agent, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    follower = own_agent(env={"GIVEN": "yes"})

    attempt = follower.main(
        "import os",
        "both = [open(f'/proc/{pid}/environ').read() for pid in (os.getpid(), os.getppid())]",
        "return {'GIVEN': os.environ['GIVEN'], 'all': str([dict(os.environ), both])}",
    )

    seen = follower.result(attempt)
    assert seen["GIVEN"] == "yes"
    assert "DATABASE_PASSWORD" not in seen["all"]


def test_a_worker_has_its_own_streams_and_channel_and_no_other_descriptor(shared_agent):
    attempt = shared_agent.main(
        "import os",
        "return sorted(os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in range(3, 4096)"
        " if os.path.islink(f'/proc/self/fd/{n}'))",
    )

    assert shared_agent.result(attempt) == ["socket"]


def test_a_worker_works_in_a_folder_of_its_own_that_goes_with_it(shared_agent):
    attempt = shared_agent.main(
        "import os, tempfile",
        "open('left', 'w').close()",
        "return [os.getcwd(), os.environ['TMPDIR'], tempfile.mkdtemp()]",
    )

    folder, temporary, made = shared_agent.result(attempt)
    assert folder == temporary == os.path.dirname(made)  # noqa: PTH120
    assert not os.path.exists(folder)  # noqa: PTH110


def test_workers_draw_different_random_numbers(shared_agent):
    code = ("import numpy, random", "return [random.random(), float(numpy.random.random())]")

    one, two = (shared_agent.result(shared_agent.main(*code)) for _ in range(2))

    assert not set(one) & set(two)


def test_a_worker_has_one_thread_and_the_garbage_collector(shared_agent):
    attempt = shared_agent.main(
        "import gc, os", "return [len(os.listdir('/proc/self/task')), gc.isenabled()]"
    )

    assert shared_agent.result(attempt) == [1, True]


def test_a_worker_transpiles_at_every_level(shared_agent):
    attempt = shared_agent.main(
        "from qiskit import QuantumCircuit, transpile",
        "circuit = QuantumCircuit(3)",
        "circuit.h(0)",
        "circuit.cx(0, 2)",
        "return [len(transpile(circuit, backend, optimization_level=n).data) for n in range(4)]",
    )

    assert all(shared_agent.result(attempt))


def test_names_of_backends_that_lead_to_code_are_refused_unless_the_machine_is_the_users(
    shared_agent, own_agent, tmp_path
):
    device = tmp_path / "device.py"
    device.write_text("from qruntime import AerBackend\nclass Device(AerBackend):\n    pass\n")
    name = "return backend.__class__.__name__"
    users = own_agent(references=tmp_path)

    refused = shared_agent.main(name, backend=f"{device}:Device")
    taken = [users.main(name, backend=b) for b in ("device.py:Device", "device:Device")]

    assert shared_agent.failure(refused)["code"] == "backend_not_found"
    assert [users.result(attempt) for attempt in taken] == ["Device", "Device"]


def test_a_program_is_told_at_once_that_standard_input_is_empty(shared_agent):
    attempt = shared_agent.main("try: return input('name? ')", "except EOFError: return 'no input'")

    assert shared_agent.result(attempt) == "no input"


def test_an_attempt_runs_once_at_a_time(shared_agent):
    attempt = shared_agent.main("while True: pass")

    with pytest.raises(InvalidStateError, match="runs already"):
        shared_agent.agent.launch(attempt, Task("{}", "x", source=ProgramSource({}, "a.py")))
    shared_agent.agent.kill(attempt, 0.0)
    shared_agent.ended(attempt)


def test_a_closed_agent_starts_nothing(own_agent):
    follower = own_agent()
    follower.agent.close()

    with pytest.raises(InvalidStateError, match="closed"):
        follower.main("return 1")
