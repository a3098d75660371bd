# SPDX-License-Identifier: Apache-2.0
"""One contract for every launcher: a task's frames arrive in order and end with exactly one end."""

from __future__ import annotations

import json

import pytest

from qruntime.bootstrap import launcher
from qruntime.core.programs import ProgramSource, ProgramSpec
from qruntime.worker.task import FrameKind, Task

LAST = (FrameKind.RESULT, FrameKind.FAILURE)


@pytest.fixture(scope="module", params=["inline", "process"])
def starter(request):
    made = launcher(request.param)
    yield made
    made.close()


def run(starter, code, *, inputs="{}", **fields):
    """Run a program to its end; return its frames."""
    source = ProgramSource({"program.py": code.encode()}, "program.py")
    frames = []
    task = Task(inputs=inputs, backend_name="aer_simulator", source=source, **fields)
    attempt = starter.launch(task, frames.append)
    assert attempt.wait(60), "the attempt did not end"
    return frames


def data(frames, kind):
    return [frame.data for frame in frames if frame.kind is kind]


def test_frames_come_in_order_and_the_result_comes_last(starter):
    frames = run(
        starter,
        "def main(backend, user_messenger, n):\n"
        "    for i in range(n):\n"
        "        print('line', i)\n"
        "        user_messenger.publish(i)\n"
        "    return n\n",
        inputs='{"n": 3}',
    )

    told = [(f.kind, f.data) for f in frames if f.kind is not FrameKind.USAGE]
    assert told == [
        (FrameKind.LOG, "line 0"),
        (FrameKind.INTERIM_RESULT, "0"),
        (FrameKind.LOG, "line 1"),
        (FrameKind.INTERIM_RESULT, "1"),
        (FrameKind.LOG, "line 2"),
        (FrameKind.INTERIM_RESULT, "2"),
        (FrameKind.RESULT, "3"),
    ]


def test_a_program_that_raises_ends_with_its_own_traceback(starter):
    frames = run(
        starter,
        "def helper():\n    raise KeyError('gone')\n\n"
        "def main(backend, user_messenger):\n    helper()\n",
    )

    (failure,) = [json.loads(text) for text in data(frames, FrameKind.FAILURE)]
    assert frames[-1].kind is FrameKind.FAILURE
    assert failure["code"] == "program_raised"
    assert failure["message"] == "KeyError: 'gone'"
    assert 'File "program.py", line 5, in main' in failure["traceback"]
    assert "qruntime" not in failure["traceback"]


@pytest.mark.parametrize("statement", ["raise SystemExit(3)", "import sys; sys.exit()"])
def test_a_program_that_exits_is_a_failure_not_a_silence(starter, statement):
    frames = run(starter, f"def main(backend, user_messenger):\n    {statement}\n")

    (failure,) = [json.loads(text) for text in data(frames, FrameKind.FAILURE)]
    assert "SystemExit" in failure["message"]


def test_streams_and_logs_are_taken_down_with_their_levels(starter):
    frames = run(
        starter,
        "import logging, sys\n"
        "def main(backend, user_messenger):\n"
        "    print('out')\n"
        "    print('err', file=sys.stderr)\n"
        "    logging.getLogger('mine').warning('careful')\n"
        "    logging.getLogger('mine').info('not wanted')\n"
        "    print('no newline', end='')\n",
        log_level="WARNING",
    )

    logs = [(f.level, f.data) for f in frames if f.kind is FrameKind.LOG]
    assert logs == [
        ("STDOUT", "out"),
        ("STDERR", "err"),
        ("WARNING", "mine: careful"),
        ("STDOUT", "no newline"),
    ]


def test_a_talkative_program_is_heard_and_qiskit_is_not(starter):
    frames = run(
        starter,
        "import logging\n"
        "from qiskit import QuantumCircuit, transpile\n"
        "def main(backend, user_messenger):\n"
        "    logging.getLogger('mine').info('heard')\n"
        "    transpile(QuantumCircuit(1), backend)\n",
        log_level="INFO",
    )

    assert data(frames, FrameKind.LOG) == ["mine: heard"]


def test_usage_counts_runs_circuits_and_shots(starter):
    frames = run(
        starter,
        "from qiskit import QuantumCircuit\n"
        "def main(backend, user_messenger):\n"
        "    circuit = QuantumCircuit(1, 1)\n"
        "    circuit.measure(0, 0)\n"
        "    backend.run(circuit, shots=5)\n"
        "    backend.run([circuit, circuit], shots=7)\n",
    )

    assert json.loads(data(frames, FrameKind.USAGE)[-1]) == {"runs": 2, "circuits": 3, "shots": 19}


def test_a_final_message_is_the_result_unless_main_returns_one(starter):
    program = "def main(backend, user_messenger, back=None):\n    {}\n    return back\n"
    publish = "user_messenger.publish({'final': 1}, final=True)"

    kept = run(starter, program.format(publish))
    replaced = run(starter, program.format(publish), inputs='{"back": 2}')

    assert json.loads(data(kept, FrameKind.RESULT)[0]) == {"final": 1}
    assert data(replaced, FrameKind.RESULT) == ["2"]
    assert data(kept, FrameKind.INTERIM_RESULT) == []


def test_a_result_that_cannot_travel_is_a_failure_that_names_its_place(starter):
    frames = run(starter, "def main(backend, user_messenger):\n    return {'a': [1, object()]}\n")

    (failure,) = [json.loads(text) for text in data(frames, FrameKind.FAILURE)]
    assert failure["code"] == "not_serializable"
    assert "result" in failure["message"]
    assert "[1]" in failure["message"]


def test_results_are_held_to_the_programs_schema(starter):
    spec = ProgramSpec(return_values={"type": "number"}, interim_results={"type": "integer"})
    wrong_result = run(starter, "def main(b, u):\n    return 'text'\n", spec=spec)
    wrong_interim = run(starter, "def main(b, u):\n    u.publish('text')\n", spec=spec)

    for frames, name in ((wrong_result, "result"), (wrong_interim, "interim result")):
        (failure,) = [json.loads(text) for text in data(frames, FrameKind.FAILURE)]
        assert failure["code"] == "schema_violation"
        assert name in failure["message"]


def test_a_stopped_program_ends_and_sends_no_result(starter):
    source = ProgramSource(
        {
            "program.py": b"def main(backend, user_messenger):\n"
            b"    user_messenger.publish('ready')\n"
            b"    while True:\n"
            b"        pass\n"
        },
        "program.py",
    )
    frames = []
    attempt = starter.launch(
        Task(inputs="{}", backend_name="aer_simulator", source=source), frames.append
    )
    while not data(frames, FrameKind.INTERIM_RESULT):
        assert not attempt.wait(0.01)

    attempt.stop()

    assert attempt.wait(30)
    assert not [frame for frame in frames if frame.kind in LAST]
