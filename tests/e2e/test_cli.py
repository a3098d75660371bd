# SPDX-License-Identifier: Apache-2.0
"""The command line as its user has it: real processes, pipes, a terminal, signals."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

BELL = """
from qiskit import QuantumCircuit

def main(backend, user_messenger, repetitions=1):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    for repetition in range(repetitions):
        counts = backend.run(circuit).result().get_counts()
        print("repetition", repetition)
        user_messenger.publish({"repetition": repetition})
    return counts
"""
COMMAND = [sys.executable, "-m", "qruntime.cli"]


@pytest.fixture
def bell(tmp_path):
    path = tmp_path / "bell.py"
    path.write_text(BELL)
    return path


def qruntime(*arguments, cwd=None):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=cwd,
        check=False,
    )


def test_a_pipe_gets_the_result_alone_on_standard_output(bell):
    done = qruntime("run", bell, "--shots", 50, "--option", "seed_simulator=3")

    assert done.returncode == 0
    assert re.fullmatch(r"\{'(00|11)': \d+, '(00|11)': \d+\}\n", done.stdout)
    assert done.stderr.splitlines() == ["repetition 0", "interim result: {'repetition': 0}"]


def test_equal_seeds_give_equal_results_and_the_file_has_the_result(bell, tmp_path):
    results = []
    for name in ("a.json", "b.json"):
        done = qruntime("run", bell, "-o", "seed_simulator=3", "--output", tmp_path / name)
        assert done.returncode == 0
        results.append(json.loads((tmp_path / name).read_text()))

    assert results[0] == results[1]
    assert sum(results[0].values()) == 1024


def test_a_program_is_given_qiskits_own_transpiler_when_the_cache_is_switched_off(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from qiskit import transpile\n"
        "def main(backend, user_messenger):\n    return transpile.__module__\n"
    )

    printed = [qruntime("run", program, *given).stdout for given in ((), ("--no-transpile-cache",))]

    assert printed == ["qruntime.execution.transpilation\n", "qiskit.compiler.transpiler\n"]


def test_json_lines_tell_the_whole_story(bell):
    done = qruntime("run", bell, "--json", "--input", "repetitions=2")

    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [
        event.get("status") or event.get("line") or event["data"]
        for event in events
        if event["event"] in ("status", "log", "interim_result")
    ]
    assert told == [
        "QUEUED",
        "RUNNING",
        "repetition 0",
        {"repetition": 0},
        "repetition 1",
        {"repetition": 1},
        "COMPLETED",
    ]
    assert events[-1]["event"] == "result"
    assert done.stderr == ""


def test_a_failure_shows_the_programs_traceback_and_nothing_of_ours(tmp_path):
    program = tmp_path / "broken.py"
    program.write_text("def main(backend, user_messenger):\n    return 1 / 0\n")

    plain = qruntime("run", program)
    as_json = qruntime("run", program, "--json")

    assert (plain.returncode, plain.stdout) == (1, "")
    assert "broken.py" in plain.stderr or "program.py" in plain.stderr
    assert "line 2, in main" in plain.stderr
    assert plain.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert "qruntime/" not in plain.stderr
    last = json.loads(as_json.stdout.splitlines()[-1])
    assert (as_json.returncode, last["event"], last["code"]) == (1, "error", "program_raised")


BAD = {
    "no such program": (["missing.py"], "missing.py"),
    "no such backend": (["bell.py", "--backend", "fake_manilla"], "did you mean 'fake_manila'"),
    "an input without =": (["bell.py", "--input", "repetitions"], "KEY=VALUE"),
    "an input twice": (["bell.py", "-i", "a=1", "-i", "a=2"], "given twice"),
    "no such inputs file": (["bell.py", "--inputs", "no.json"], "--inputs no.json"),
    "an unknown option": (["bell.py", "--option", "shot=3"], "shot"),
    "an option out of range": (["bell.py", "--shots", "0"], "shots"),
    "an option that cannot be honoured": (["bell.py", "-o", "meas_level=1"], "meas_level"),
    "no folder for the output": (["bell.py", "--output", "no/where.json"], "no folder"),
    "no main": (["nomain.py"], "main"),
    "a wrong signature": (["signature.py"], "user_messenger"),
    "a syntax error": (["syntax.py"], "line 2"),
    "a wrong type for the schema": (["typed.py", "-i", "n=text"], "inputs.n"),
    "a missing input for the schema": (["typed.py"], "n"),
    "a missing input": (["untyped.py"], "input 'n' is missing"),
    "an unknown input": (["untyped.py", "-i", "n=1", "-i", "m=1"], "unknown input 'm'"),
    "a missing module": (["imports.py"], "no_such_module"),
    "no backend made": (["bell.py", "--backend", "odd.py:make"], "could not make a backend"),
    "a value that is too deep": (["bell.py", "-i", "x=" + "[" * 100_000], "cannot be read"),
    "a bad limit": (["bell.py", "--max-time", "-1"], "seconds > 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_in_one_message_and_exit_code_2(case, bell, tmp_path):
    arguments, message = BAD[case]
    (tmp_path / "nomain.py").write_text("x = 1\n")
    (tmp_path / "signature.py").write_text("def main(backend):\n    pass\n")
    (tmp_path / "syntax.py").write_text("x = 1\ndef main(:\n")
    (tmp_path / "odd.py").write_text("def make():\n    raise OSError('no device')\n")
    (tmp_path / "untyped.py").write_text("def main(backend, user_messenger, n):\n    return n\n")
    (tmp_path / "imports.py").write_text(
        "import no_such_module\ndef main(backend, user_messenger):\n    pass\n"
    )
    (tmp_path / "typed.py").write_text("def main(backend, user_messenger, n):\n    return n\n")
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    metadata = {"name": "typed", "spec": {"parameters": schema}}
    (tmp_path / "typed.json").write_text(json.dumps(metadata))

    done = qruntime("run", *arguments, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert message in done.stderr
    assert "qruntime/" not in done.stderr
    assert ("Traceback" in done.stderr) == (case == "a missing module")  # the program's own lines


PROGRAM_ERRORS = {
    "an unserialisable result": (
        "def main(backend, user_messenger):\n    return object()\n",
        "object",
    ),
    "a circuit that is too wide": (
        "from qiskit import QuantumCircuit\n"
        "def main(backend, user_messenger):\n"
        "    circuit = QuantumCircuit(200)\n"
        "    circuit.t(range(200))\n"
        "    circuit.measure_all()\n"
        "    backend.run(circuit)\n",
        "200 qubits",
    ),
    "an unbound parameter": (
        "from qiskit import QuantumCircuit\n"
        "from qiskit.circuit import Parameter\n"
        "def main(backend, user_messenger):\n"
        "    circuit = QuantumCircuit(1)\n"
        "    circuit.rx(Parameter('theta'), 0)\n"
        "    circuit.measure_all()\n"
        "    backend.run(circuit)\n",
        "'theta'",
    ),
    "a timeout of a run": (
        "from qiskit import QuantumCircuit\n"
        "def main(backend, user_messenger):\n"
        "    circuit = QuantumCircuit(26)\n"
        "    for layer in range(50):\n"
        "        circuit.h(range(26))\n"
        "        circuit.t(range(26))\n"
        "        for qubit in range(25):\n"
        "            circuit.cx(qubit, qubit + 1)\n"
        "    circuit.measure_all()\n"
        "    backend.run(circuit, timeout=0.5)\n",
        "timeout of 0.5 s",
    ),
}


@pytest.mark.parametrize("case", PROGRAM_ERRORS)
def test_a_programs_mistake_is_told_by_its_own_message(case, tmp_path):
    code, message = PROGRAM_ERRORS[case]
    (tmp_path / "program.py").write_text(code)

    done = qruntime("run", tmp_path / "program.py")

    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_a_limit_stops_the_program(tmp_path):
    program = tmp_path / "loop.py"
    program.write_text("def main(backend, user_messenger):\n    while True:\n        pass\n")

    done = qruntime("run", program, "--max-time", "0.5")

    assert done.returncode == 1
    assert "limit of 0.5 s" in done.stderr


LOOP = """
import os
def main(backend, user_messenger):
    user_messenger.publish(os.getpid())
    while True:
        pass
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_an_interruption_cancels_reports_and_leaves_no_worker(tmp_path, number, code):
    program = tmp_path / "loop.py"
    program.write_text(LOOP)
    process = subprocess.Popen(
        [*COMMAND, "run", str(program), "--json"], stdout=subprocess.PIPE, text=True
    )
    worker = None
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "interim_result":
            worker = event["data"]
            break

    process.send_signal(number)
    rest, _ = process.communicate(timeout=60)

    assert process.returncode == code
    assert json.loads(rest.splitlines()[-1])["code"] == "job_cancelled"
    assert not Path(f"/proc/{worker}").exists()


def test_a_terminal_gets_a_live_line_and_then_the_result(bell):
    busy = "    import time\n    end = time.monotonic() + 0.7\n"
    busy += "    while time.monotonic() < end: pass\n"
    bell.write_text(BELL.replace("    return counts", f"{busy}    return counts"))

    text, code = in_a_terminal([*COMMAND, "run", str(bell), "-i", "repetitions=3"])

    assert code == 0
    assert "RUNNING" in text
    assert re.search(r"COMPLETED\s+3 circuits\s+3,072 shots\s+\d+\.\d s", text)
    assert "{'repetition': 2}" in text
    assert re.search(r"\{'\d\d': \d+, '\d\d': \d+\}", text)


def in_a_terminal(command):
    """Run a command on a pseudo-terminal; return what it wrote, without control codes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm", "COLUMNS": "160"})
    written = b""
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        written += part
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.decode())
    return text, os.waitstatus_to_exitcode(status)


def test_a_link_and_a_pipe_are_written_to_and_not_replaced(bell, tmp_path):
    target, link, pipe = (tmp_path / name for name in ("target.json", "link.json", "pipe"))
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)

    for output in (link, pipe):
        assert qruntime("run", bell, "--shots", "5", "--output", output).returncode == 0

    read, _ = reader.communicate(timeout=60)
    assert link.is_symlink()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sum(json.loads(read).values()) == 5
    assert sum(json.loads(target.read_text()).values()) == 5
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_new_file_can_be_read_by_whom_the_umask_lets(bell, tmp_path):
    output = tmp_path / "new.json"

    assert qruntime("run", bell, "--output", output).returncode == 0

    assert stat.S_IMODE(output.stat().st_mode) == 0o666 & ~umask()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_interruption_before_the_program_starts_is_reported_too(tmp_path):
    program = tmp_path / "loop.py"
    program.write_text(LOOP)
    process = subprocess.Popen([*COMMAND, "run", str(program)], stderr=subprocess.PIPE, text=True)
    while not worker_of(process.pid):
        assert process.poll() is None

    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert told == "Error: interrupted: the job was cancelled\n"


def worker_of(pid):
    """Return the children of a process, as the system lists them."""
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += (task / "children").read_text().split()
    except FileNotFoundError:
        return []
    return found


def test_the_first_commands_of_the_readme_work(tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    program = re.search(r"```python\n# bell.py\n(.*?)```", readme, re.DOTALL)[1]
    command = re.search(r"^\$ qruntime (run bell.py .*)$", readme, re.MULTILINE)[1]
    (tmp_path / "bell.py").write_text(program)

    done = qruntime(*command.split(), cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("interim result") == 5


def test_help_loads_nothing_heavy():
    code = (
        "import sys, typer.testing\n"
        "from qruntime.cli.main import app\n"
        "done = typer.testing.CliRunner().invoke(app, ['--help'])\n"
        "assert done.exit_code == 0, done.output\n"
        "print([m for m in ('qiskit', 'numpy', 'qiskit_aer') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "[]\n"


def test_backends_are_listed_and_shown():
    names = qruntime("backends").stdout.splitlines()
    shown = qruntime("backends", "fake_manila").stdout
    as_json = json.loads(qruntime("backends", "aer_simulator_stabilizer", "--json").stdout)

    assert {"aer_simulator", "aer_simulator_stabilizer", "fake_manila"} <= set(names)
    assert re.search(r"(?m)^qubits: 5$", shown)
    assert "median t1 us" in shown
    assert (as_json["name"], as_json["simulator"]) == ("aer_simulator_stabilizer", True)


def test_a_new_program_runs_and_its_own_test_passes(tmp_path):
    made = qruntime("new", "my-first", cwd=tmp_path)
    again = qruntime("new", "my-first", cwd=tmp_path)
    run = qruntime("run", "my-first", "-i", "repetitions=2", cwd=tmp_path)
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "my-first"],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
        check=False,
    )

    assert made.returncode == 0
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    assert run.stdout == "{'agreed': [1.0, 1.0]}\n"
    assert "1 passed" in tested.stdout


def test_a_name_that_is_no_name_is_refused(tmp_path):
    done = qruntime("new", "../escape", cwd=tmp_path)

    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
