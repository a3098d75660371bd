# SPDX-License-Identifier: Apache-2.0
"""What only a process of its own can promise: it dies alone, and it dies when told."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from qruntime.core.programs import ProgramSource
from qruntime.engine.launchers.process import ProcessLauncher
from qruntime.worker.task import FrameKind, Task


@pytest.fixture
def starter():
    made = ProcessLauncher(grace_seconds=0.2)
    yield made
    made.close()


def launch(starter, code, frames, backend="aer_simulator"):
    source = ProgramSource({"program.py": code.encode()}, "program.py")
    return starter.launch(Task(inputs="{}", backend_name=backend, source=source), frames.append)


def failure_of(frames):
    (text,) = [frame.data for frame in frames if frame.kind is FrameKind.FAILURE]
    return json.loads(text)


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("os._exit(3)", "exit status 3"),
        ("os._exit(0)", "exit status 0"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV: a library crashed"),
        ("os.kill(os.getpid(), 9)", "SIGKILL, as the system does when memory runs out"),
    ],
)
def test_a_worker_that_dies_is_a_failure_with_a_cause(starter, statement, cause):
    frames = []
    attempt = launch(
        starter, f"import os\ndef main(backend, user_messenger):\n    {statement}\n", frames
    )
    assert attempt.wait(60)

    failure = failure_of(frames)

    assert failure["code"] == "worker_died"
    assert cause in failure["message"]


def test_what_c_code_prints_is_taken_down(starter):
    frames = []
    code = "import os\ndef main(backend, user_messenger):\n    os.write(1, b'from C\\n')\n"
    assert launch(starter, code, frames).wait(60)

    assert [(f.level, f.data) for f in frames if f.kind is FrameKind.LOG] == [("STDOUT", "from C")]


def test_a_stop_ends_all_that_the_program_started_even_if_it_ignores_sigterm(starter):
    frames = []
    code = (
        "import os, signal, subprocess\n"
        "def main(backend, user_messenger):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    child = subprocess.Popen(['sleep', '600'])\n"
        "    user_messenger.publish([os.getpid(), child.pid])\n"
        "    child.wait()\n"
    )
    attempt = launch(starter, code, frames)
    while not (told := [f for f in frames if f.kind is FrameKind.INTERIM_RESULT]):
        assert not attempt.wait(0.01)
    pids = json.loads(told[0].data)

    attempt.stop()

    assert attempt.wait(30)
    for pid in pids:
        assert not _runs(pid)


def test_the_scratch_folder_goes_with_the_worker(starter):
    frames = []
    code = "import tempfile\ndef main(backend, user_messenger):\n    return tempfile.mkdtemp()\n"
    assert launch(starter, code, frames).wait(60)

    (folder,) = [json.loads(f.data) for f in frames if f.kind is FrameKind.RESULT]
    assert not Path(folder).exists()


def test_a_worker_whose_launcher_is_gone_ends(starter):
    frames = []
    code = (
        "import os\n"
        "def main(backend, user_messenger):\n"
        "    user_messenger.publish(os.getpid())\n"
        "    while True:\n"
        "        pass\n"
    )
    attempt = launch(starter, code, frames)
    while not (told := [f for f in frames if f.kind is FrameKind.INTERIM_RESULT]):
        assert not attempt.wait(0.01)

    attempt._process.cut_lifeline()

    assert attempt.wait(30)
    assert not _runs(json.loads(told[0].data))


def test_a_worker_in_the_middle_of_a_simulation_ends_with_its_launcher(starter):
    frames = []
    code = (
        "import os\n"
        "from qiskit import QuantumCircuit\n"
        "def main(backend, user_messenger):\n"
        "    circuit = QuantumCircuit(24)\n"
        "    for layer in range(200):\n"
        "        circuit.h(range(24))\n"
        "        circuit.t(range(24))\n"
        "    circuit.measure_all()\n"
        "    user_messenger.publish(os.getpid())\n"
        "    backend.run(circuit, fusion_enable=False)\n"
    )
    attempt = launch(starter, code, frames)
    while not (told := [f for f in frames if f.kind is FrameKind.INTERIM_RESULT]):
        assert not attempt.wait(0.01)

    attempt._process.cut_lifeline()

    assert attempt.wait(20)
    assert not _runs(json.loads(told[0].data))


def test_a_program_reads_nothing_from_standard_input_and_does_not_wait_for_it(starter):
    frames = []
    code = (
        "import subprocess\n"
        "def main(backend, user_messenger):\n"
        "    piped = subprocess.run(['cat'], capture_output=True, text=True).stdout\n"
        "    try:\n"
        "        return input('name? ')\n"
        "    except EOFError:\n"
        "        return f'no input{piped}'\n"
    )
    assert launch(starter, code, frames).wait(60)

    assert [f.data for f in frames if f.kind is FrameKind.RESULT] == ['"no input"']


def test_output_that_ends_without_a_newline_comes_before_the_result(starter):
    frames = []
    code = "import os\ndef main(backend, user_messenger):\n    os.write(1, b'raw')\n    return 1\n"
    assert launch(starter, code, frames).wait(60)

    told = [f.data for f in frames if f.kind in (FrameKind.LOG, FrameKind.RESULT)]
    assert told == ["raw", "1"]


def test_a_large_result_comes_whole(starter):
    frames = []
    code = "def main(backend, user_messenger):\n    return 'x' * 30_000_000\n"
    assert launch(starter, code, frames).wait(60)

    (result,) = [json.loads(f.data) for f in frames if f.kind is FrameKind.RESULT]
    assert result == "x" * 30_000_000


def test_what_a_fork_of_the_program_returns_is_not_the_result(starter):
    frames = []
    code = (
        "import os\n"
        "def main(backend, user_messenger):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        return 'child'\n"
        "    os.waitpid(child, 0)\n"
        "    return 'parent'\n"
    )
    assert launch(starter, code, frames).wait(60)

    assert [f.data for f in frames if f.kind is FrameKind.RESULT] == ['"parent"']


def test_a_program_that_writes_into_the_channel_fails_and_says_so(starter):
    frames = []
    code = (
        "import os\n"
        "def main(backend, user_messenger):\n"
        "    for number in range(3, 60):\n"
        "        try:\n"
        "            os.write(number, b'hello\\n')\n"
        "        except OSError:\n"
        "            pass\n"
        "    return 1\n"
    )
    assert launch(starter, code, frames).wait(60)

    assert "wrote into the channel" in failure_of(frames)["message"]


def test_a_ready_process_that_died_is_replaced(starter):
    ready = starter._ready
    os.kill(ready._process.pid, signal.SIGKILL)
    ready.wait()
    frames = []

    assert launch(starter, "def main(backend, user_messenger):\n    return 1\n", frames).wait(60)

    assert [f.data for f in frames if f.kind is FrameKind.RESULT] == ["1"]


def test_a_worker_takes_a_backend_by_reference_to_a_file(starter, tmp_path):
    device = tmp_path / "device.py"
    device.write_text("from qruntime import AerBackend\nclass Device(AerBackend):\n    pass\n")
    frames = []
    code = "def main(backend, user_messenger):\n    return backend.__class__.__name__\n"
    attempt = launch(starter, code, frames, backend=f"{device}:Device")
    assert attempt.wait(60)

    assert [f.data for f in frames if f.kind is FrameKind.RESULT] == ['"Device"']


def _runs(pid: int) -> bool:
    """Whether a process exists and is not merely waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
