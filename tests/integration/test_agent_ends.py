# SPDX-License-Identifier: Apache-2.0
"""How workers end: by themselves, by the system, because they were told to, with their agent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qruntime.agent.events import EndReason
from qruntime.worker.task import FrameKind

SPAWN = (
    "import os, signal, subprocess, sys",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "child = subprocess.Popen(['sleep', '600'])",
    "apart = subprocess.Popen(['sleep', '600'], start_new_session=True)",
    "reader, writer = os.pipe()",
    "middle = os.fork()",
    "if middle == 0:",
    "    os.setsid()",
    "    last = os.fork()",
    "    if last == 0:",
    "        signal.pause()",
    "    os.write(writer, str(last).encode())",
    "    os._exit(0)",
    "os.waitpid(middle, 0)",
    "orphan = int(os.read(reader, 20))",
    "user_messenger.publish([os.getpid(), child.pid, apart.pid, orphan])",
)


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (["import os; os._exit(3)"], "exit status 3"),
        (["import os; os._exit(0)"], "exit status 0"),
        (["import ctypes; ctypes.string_at(0)"], "SIGSEGV: a library crashed"),
        (["import os; os.kill(os.getpid(), 9)"], "SIGKILL, as the system does when memory"),
        (["import os; os.abort()"], "SIGABRT"),
    ],
    ids=["exit 3", "exit 0", "segfault", "kill", "abort"],
)
def test_a_worker_that_dies_is_a_failure_with_a_cause(shared_agent, lines, cause):
    end = shared_agent.end(shared_agent.main(*lines))

    assert end.reason is EndReason.DIED
    assert end.cause.code == "worker_died"
    assert cause in end.cause.message


def test_a_recursion_in_c_that_is_too_deep_is_a_failure(shared_agent):
    attempt = shared_agent.main(
        "import sys",
        "sys.setrecursionlimit(10**9)",
        "class Deep:",
        "    def __repr__(self): return repr(self)",
        "return repr(Deep())",
    )

    assert "SIGSEGV: a library crashed, or the recursion was too deep" in (
        shared_agent.end(attempt).cause.message
    )


def test_a_worker_ends_with_all_that_it_has_abandoned(shared_agent, gone):
    attempt = shared_agent.main(*SPAWN, "return 1")
    pids = shared_agent.published(attempt)

    assert shared_agent.end(attempt).reason is EndReason.FINISHED
    gone(pids, 0.0)


def test_a_kill_ends_the_whole_tree_even_if_it_ignores_sigterm(shared_agent, gone):
    attempt = shared_agent.main(*SPAWN, "signal.pause()", "child.wait()")
    pids = shared_agent.published(attempt)

    shared_agent.agent.kill(attempt, 0.1)

    end = shared_agent.end(attempt)
    assert (end.reason, end.cause) == (EndReason.KILLED, None)
    gone(pids, 0.0)


def test_a_program_is_asked_before_it_is_killed(shared_agent):
    attempt = shared_agent.main(
        "import signal",
        "def stop(number, frame): user_messenger.publish('saved'); raise SystemExit",
        "signal.signal(signal.SIGTERM, stop)",
        "user_messenger.publish('ready')",
        "while True: signal.pause()",
    )
    shared_agent.published(attempt)

    shared_agent.agent.kill(attempt, 30.0)

    assert shared_agent.of(attempt, FrameKind.INTERIM_RESULT) == ['"ready"', '"saved"']
    assert shared_agent.end(attempt).reason is EndReason.KILLED


def test_a_worker_in_the_middle_of_a_simulation_is_killed(shared_agent):
    attempt = shared_agent.main(
        "from qiskit import QuantumCircuit",
        "circuit = QuantumCircuit(24)",
        "for layer in range(200):",
        "    circuit.h(range(24))",
        "    circuit.t(range(24))",
        "circuit.measure_all()",
        "user_messenger.publish('ready')",
        "backend.run(circuit, fusion_enable=False)",
    )
    shared_agent.published(attempt)

    shared_agent.agent.kill(attempt, 0.1)

    assert shared_agent.end(attempt).reason is EndReason.KILLED


def stopped(pid, seconds=20.0):
    """Wait until a process is stopped: the signal may come after the program's message."""
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < deadline, f"{pid} was not stopped"


def test_a_supervisor_that_its_program_has_stopped_is_killed_too(shared_agent, gone):
    attempt = shared_agent.main(
        "import os, signal",
        "user_messenger.publish([os.getpid(), os.getppid()])",
        "os.kill(os.getppid(), signal.SIGSTOP)",
        "signal.pause()",
    )
    pids = shared_agent.published(attempt)
    stopped(pids[1])

    shared_agent.agent.kill(attempt, 0.0)

    assert shared_agent.end(attempt).reason is EndReason.LOST
    gone(pids)


def test_a_supervisor_that_its_program_has_killed_leaves_nothing_behind(shared_agent, gone):
    attempt = shared_agent.main(*SPAWN, "os.kill(os.getppid(), signal.SIGKILL)", "signal.pause()")
    pids = shared_agent.published(attempt)

    end = shared_agent.end(attempt)

    assert end.reason is EndReason.LOST
    assert "ended from outside" in end.cause.message
    gone(pids)


def test_an_attempt_that_is_killed_before_it_starts_ends(own_agent):
    follower = own_agent()
    attempt = follower.main("return 1")

    follower.agent.kill(attempt, 5.0)

    end = follower.end(attempt)
    assert end.reason in {EndReason.KILLED, EndReason.FINISHED}


def test_jobs_survive_the_end_of_the_warm_process_and_the_next_ones_get_another(own_agent):
    follower = own_agent()
    attempt = follower.main(
        "import os, signal",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])",
        "user_messenger.publish(os.getpid())",
        "signal.sigwait([signal.SIGUSR1])",
        "return 'survived'",
    )
    worker = follower.published(attempt)
    (warm,) = follower.agent.info().warm_pids

    os.kill(warm, signal.SIGKILL)
    others = [follower.main("return 1") for _ in range(3)]
    os.kill(worker, signal.SIGUSR1)

    assert follower.result(attempt) == "survived"
    assert [follower.result(other) for other in others] == [1, 1, 1]
    assert follower.agent.info().warm_pids not in {(), (warm,)}


def test_a_warm_process_with_threads_is_not_forked_from(own_agent, tmp_path):
    (tmp_path / "starts_a_thread.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    follower = own_agent(
        env={"PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{tmp_path}"},
        preload=("starts_a_thread",),
    )

    attempt = follower.main("import threading", "return threading.active_count()")

    assert follower.result(attempt) == 1


def test_where_warm_processes_do_not_last_jobs_get_cold_ones(own_agent, tmp_path):
    (tmp_path / "qiskit_aer.py").write_text(
        "import os, sys\nif 'warm' in sys.argv:\n    os._exit(1)\nraise ImportError\n"
    )
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    follower = own_agent(env={"PYTHONPATH": path})

    attempt = follower.main("return 1", backend="none")

    assert follower.failure(attempt)["code"] == "backend_not_found"
    assert not follower.agent.info().warm


def test_a_cold_worker_does_what_a_warm_one_does(own_agent, gone):
    follower = own_agent(cold=True)
    done = follower.main(*SPAWN, "return 1")
    looping = follower.main("import os", "user_messenger.publish(os.getpid())", "while True: pass")
    worker = follower.published(looping)

    follower.agent.kill(looping, 0.1)

    assert follower.result(done) == 1
    assert follower.end(looping).reason is EndReason.KILLED
    gone([worker, *follower.published(done)])


OWNER = """
import json, sys
sys.path[:0] = {path!r}
from qruntime.agent.agent import NodeAgent
from qruntime.core.programs import ProgramSource
from qruntime.worker.task import FrameKind, Task
agent = NodeAgent(preload=())
code = {code!r}
task = Task(inputs="{{}}", backend_name="aer_simulator",
            source=ProgramSource({{"program.py": code.encode()}}, "program.py"))
agent.launch("one", task)
cursor = 0
while True:
    for event in agent.events(cursor, 5.0):
        cursor = event.cursor
        if getattr(event.what, "kind", "") == FrameKind.INTERIM_RESULT:
            print(event.what.data, *agent.info().warm_pids, flush=True)
"""


def test_everything_ends_with_the_agents_process(gone):
    body = "".join(f"    {line}\n" for line in (*SPAWN, "user_messenger.publish(os.getcwd())"))
    code = f"def main(backend, user_messenger):\n{body}    while True: pass\n"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(path=sys.path, code=code)],
        stdout=subprocess.PIPE,
        text=True,
    )
    *pids, warm = owner.stdout.readline().replace("[", "").replace("]", "").replace(",", "").split()
    scratch = owner.stdout.readline().split('"')[1]

    owner.kill()
    owner.communicate(timeout=60)

    gone([*map(int, pids), int(warm)])
    assert not Path(scratch).exists()


def test_an_agent_that_is_closed_has_no_processes_left(own_agent, gone):
    follower = own_agent()
    attempt = follower.main("import os", "user_messenger.publish(os.getpid())", "while True: pass")
    worker = follower.published(attempt)
    pids = [worker, *follower.agent.info().warm_pids]

    follower.agent.close()

    assert follower.end(attempt).reason is EndReason.KILLED
    gone(pids, 0.0)


def test_a_fork_of_the_agents_process_does_not_keep_workers_alive(gone):
    body = "    user_messenger.publish(os.getpid())\n    while True: pass\n"
    code = f"import os\ndef main(backend, user_messenger):\n{body}"
    fork = "import os, signal\nchild = os.fork()\nif child == 0: signal.pause()\n"
    script = OWNER.format(path=sys.path, code=code).replace(
        "            print(event", f"            exec({fork!r})\n            print(child, event"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    child, worker, _warm = map(int, owner.stdout.readline().split())

    owner.kill()
    owner.wait(60)

    gone([worker])
    os.kill(child, signal.SIGKILL)
    owner.stdout.close()
