# SPDX-License-Identifier: Apache-2.0
"""A server as its users have it: the client, the command line, crashes, streams."""

from __future__ import annotations

import itertools
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import trustme
from qiskit import QuantumCircuit
from tests.e2e.conftest import COMMAND
from tests.wheels import make_wheel

from qruntime import (
    Batch,
    InvalidInputError,
    InvalidProgramError,
    InvalidStateError,
    JobCancelledError,
    JobFailedError,
    JobRanTooLongError,
    JobStatus,
    NotAuthenticatedError,
    RuntimeService,
    SchemaViolationError,
    Session,
    UnavailableError,
)
from qruntime.client.http import HttpConnection
from qruntime.client.request import Requests

EXAMPLES = Path(__file__).parents[2] / "examples" / "programs"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/program.py"))

COUNT = """
def main(backend, user_messenger, steps=3):
    for step in range(steps):
        user_messenger.publish(step)
    return steps
"""
WAIT = """
import time

def main(backend, user_messenger):
    user_messenger.publish("started")
    time.sleep(600)
"""
DECLARES = """
# /// script
# dependencies = ["qrtprobe"]
# ///

def main(backend, user_messenger):
    import qrtprobe

    return qrtprobe.VERSION
"""
DIE = """
import os

def main(backend, user_messenger, how="exit"):
    if how == "exit":
        os._exit(3)
    if how == "segfault":
        import ctypes
        ctypes.string_at(0)
    if how == "memory":
        held = [bytearray(2**28) for _ in range(64)]
    raise SystemExit
"""


@pytest.fixture(scope="module")
def service(server):
    with server.service() as service:
        yield service


@pytest.fixture(scope="module")
def count(service):
    return service.upload_program(COUNT, name="count")


def inputs_of(example: str) -> dict[str, Any]:
    path = EXAMPLES / example / "inputs.json"
    return json.loads(path.read_text()) if path.exists() else {}


OPTIONS = {"backend_options": {"seed_simulator": 11, "shots": 400}}


@pytest.mark.slow
@pytest.mark.parametrize("example", NAMES)
def test_an_example_gives_the_same_in_process_over_http_and_on_the_command_line(
    server, service, example, tmp_path
):
    folder = EXAMPLES / example
    with RuntimeService() as local:
        here = local.run(local.upload_program(folder), inputs_of(example), OPTIONS)
        expected = here.result_text() if here.result() is not None else "null"
    there = service.run(
        service.upload_program(folder, name=f"x-{example}"), inputs_of(example), OPTIONS
    )
    there.result()
    output = tmp_path / "result.json"
    options = ["--option", "seed_simulator=11", "--shots", "400", "--output", str(output)]
    if inputs_of(example):
        options += ["--inputs", str(folder / "inputs.json")]
    done = subprocess.run(
        [*COMMAND, "run", str(folder), "--url", server.url, *options],
        env=server.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert there.result_text() == expected
    assert output.read_text().strip() == expected


def test_a_result_comes_back(service, count):
    assert service.run(count, {"steps": 5}).result(timeout=60) == 5


def test_interim_results_come_in_order_and_whole(service, count):
    job = service.run(count, {"steps": 300})

    assert list(job.stream()) == list(range(300))
    assert job.interim_results() == list(range(300))


def test_a_callback_gets_every_interim_result(service, count):
    got = []
    job = service.run(count, {"steps": 20}, callback=lambda job_id, value: got.append(value))
    job.wait_for_final_state(60)
    while len(got) < 20:
        time.sleep(0.01)

    assert got == list(range(20))


def test_a_job_is_found_again_by_its_id(server, service, count):
    job_id = service.run(count, {"steps": 2}).job_id

    with server.service() as another:
        job = another.job(str(job_id))
        assert (job.result(timeout=60), job.inputs, job.program_id) == (2, {"steps": 2}, count)


def test_jobs_are_listed_with_filters(service, count):
    made = [service.run(count, {"steps": 1}, {"job_tags": ["listed"]}) for _ in range(3)]
    for job in made:
        job.wait_for_final_state(60)

    found = service.jobs(tags=["listed"], pending=False, program_id=count)

    assert [job.job_id for job in found] == [job.job_id for job in reversed(made)]
    assert len(service.jobs(tags=["listed"], limit=1, skip=1)) == 1


def test_a_program_that_raises_gives_its_own_traceback(service):
    program = service.upload_program(
        "def main(backend, user_messenger):\n    return 1 / 0\n", name="raises"
    )
    job = service.run(program)

    with pytest.raises(JobFailedError, match="ZeroDivisionError") as caught:
        job.result(timeout=60)
    assert "program.py" in caught.value.traceback
    assert job.snapshot().failure.code == "program_raised"


@pytest.mark.parametrize(
    ("how", "said"), [("exit", "exit status 3"), ("segfault", "SIGSEGV"), ("memory", "memory")]
)
def test_a_worker_that_dies_is_a_failure_with_a_cause(service, how, said):
    program = service.upload_program(DIE, name=f"die-{how}")

    job = service.run(program, {"how": how})

    with pytest.raises(JobFailedError, match=said):
        job.result(timeout=60)


def test_a_cancelled_job_ends_soon(service):
    program = service.upload_program(WAIT, name="wait")
    job = service.run(program)
    next(job.stream())
    before = time.monotonic()
    job.cancel()

    with pytest.raises(JobCancelledError):
        job.result(timeout=60)
    assert time.monotonic() - before < 8


def test_a_job_is_stopped_at_its_time_limit(service):
    program = service.upload_program(WAIT, name="wait-limited")

    job = service.run(program, options={"max_execution_time": 1})

    with pytest.raises(JobRanTooLongError, match="1 s"):
        job.result(timeout=60)


def test_wrong_inputs_are_told_before_anything_runs(service):
    program = service.upload_program(
        COUNT,
        name="checked",
        spec={"parameters": {"type": "object", "properties": {"steps": {"type": "integer"}}}},
    )

    with pytest.raises(SchemaViolationError, match="steps"):
        service.run(program, {"steps": "many"})


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import not_there\n\ndef main(backend, user_messenger): ...\n", "not_there"),
        ("1 / 0\n\ndef main(backend, user_messenger): ...\n", "ZeroDivisionError"),
        ("import os\nos._exit(4)\n\ndef main(backend, user_messenger): ...\n", "exit status 4"),
        ("def main(backend): ...\n", "main"),
    ],
)
def test_a_program_that_cannot_be_imported_is_refused_when_it_is_uploaded(service, source, said):
    with pytest.raises(InvalidProgramError, match=said):
        service.upload_program(source, name="broken")


def test_a_plain_function_is_refused_with_what_to_do(service):
    with pytest.raises(InvalidInputError, match="upload_program"):
        service.run(lambda backend, user_messenger: 1)


def test_a_wrong_key_is_told(server):
    with (
        RuntimeService(server.url, "qrt_000000000000_wrong") as service,
        pytest.raises(NotAuthenticatedError, match="not a key"),
    ):
        service.backends()


def test_a_backend_of_the_server_runs_circuits(service):
    backend = service.backend("aer_simulator")
    backend.set_options(seed_simulator=3)
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()

    result = backend.run(bell, shots=100).result()

    assert sum(result.get_counts().values()) == 100
    assert set(result.get_counts()) <= {"00", "11"}
    assert backend.configuration().simulator
    assert result.get_counts() == backend.run(bell, shots=100).result().get_counts()


def test_a_server_keeps_its_admin_key_for_its_owner_alone(server):
    path = server.data_dir / "admin.key"

    assert path.read_text().strip() == server.key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700


def test_a_second_server_on_the_same_data_is_refused(server):
    done = subprocess.run(
        [*COMMAND, "serve", "--data-dir", str(server.data_dir), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "another server is using" in done.stderr


def test_what_was_accepted_survives_kill_9(serve):
    first = serve("--workers", "1")
    with first.service() as service:
        program = service.upload_program(COUNT, name="count")
        waiting = service.run(service.upload_program(WAIT, name="wait"))
        next(waiting.stream())
        queued = [service.run(program, {"steps": n}).job_id for n in range(5)]
    first.kill()

    second = serve("--workers", "1", key=first.key)
    with second.service() as service:
        results = [service.job(job_id).result(timeout=60) for job_id in queued]
        lost = service.job(waiting.job_id)
        lost.wait_for_final_state(30)

        assert results == list(range(5))
        assert lost.status() is JobStatus.FAILED
        assert lost.snapshot().failure.code == "worker_lost"


def test_a_program_keeps_its_packages_when_the_server_starts_anew(serve, tmp_path, monkeypatch):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "qrtprobe", "1.0", {"qrtprobe.py": "VERSION = '1.0'\n"})
    variables = {"NO_INDEX": "1", "OFFLINE": "1", "NO_CONFIG": "1", "FIND_LINKS": str(wheels)}
    for name, value in {**variables, "CACHE_DIR": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(f"UV_{name}", value)
    first = serve()
    with first.service() as service:
        with pytest.raises(InvalidProgramError, match="qrtprobe>=3"):
            service.upload_program(DECLARES.replace("qrtprobe", "qrtprobe>=3", 1), name="absent")
        service.upload_program(DECLARES, name="declares")
    first.kill()
    make_wheel(wheels, "qrtprobe", "2.0", {"qrtprobe.py": "VERSION = '2.0'\n"})

    with serve(key=first.key).service() as service:
        assert service.run("declares").result(60) == "1.0"


def test_a_job_with_attempts_left_is_run_again_after_a_crash(serve, tmp_path):
    first = serve("--workers", "1")
    flag = tmp_path / "flag"
    once = f"""
import pathlib, time

def main(backend, user_messenger):
    flag = pathlib.Path({str(flag)!r})
    if not flag.exists():
        flag.touch()
        user_messenger.publish("first attempt")
        time.sleep(600)
    return "second attempt"
"""
    with first.service() as service:
        job = service.run(service.upload_program(once, name="once"), options={"max_attempts": 2})
        next(job.stream())
    first.kill()

    second = serve("--workers", "1", key=first.key)
    with second.service() as service:
        again = service.job(job.job_id)

        assert again.result(timeout=60) == "second attempt"
        assert again.snapshot().attempt == 2


def test_all_processes_of_a_server_are_gone_after_kill_9(serve):
    made = serve("--workers", "1")
    with made.service() as service:
        job = service.run(
            service.upload_program(
                "import os, time\n\ndef main(backend, user_messenger):\n"
                "    user_messenger.publish(os.getpid())\n    time.sleep(600)\n",
                name="pid",
            )
        )
        pid = next(job.stream())
    made.kill()

    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()


def test_a_follower_goes_on_when_the_server_comes_back(serve):
    first = serve("--workers", "1")
    port = first.url.rpartition(":")[2]
    with first.service() as service:
        program = service.upload_program(WAIT, name="wait")
        job = service.run(program, options={"max_attempts": 1})
        follower = job.events()
        while next(follower).data != '"started"':
            pass
        first.kill()
        serve("--workers", "1", "--port", port, key=first.key)

        assert [event.data for event in follower][-1] == "FAILED"


def test_a_server_that_is_not_there_is_told():
    requests = Requests("http://127.0.0.1:1", "qrt_x", patience_seconds=0.2)

    with pytest.raises(UnavailableError, match=r"http://127.0.0.1:1 cannot be reached"):
        HttpConnection(requests).backends()
    requests.close()


def qruntime(
    server, *arguments: object, key: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = server.environment()
    if key is not None:
        environment["QRUNTIME_TOKEN"] = key
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_login_keeps_a_key_that_others_cannot_read(server, tmp_path):
    accounts = tmp_path / "accounts.json"
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("QRUNTIME_")},
        "QRUNTIME_ACCOUNTS": str(accounts),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    assert run("login", server.url, "--token", server.key).returncode == 0
    assert stat.S_IMODE(accounts.stat().st_mode) == 0o600
    assert run("jobs", "ls", "--limit", "1").returncode == 0
    assert run("logout").returncode == 0
    assert "qruntime login" in run("jobs", "ls").stderr


def test_the_command_line_follows_a_job_and_prints_its_result(server, service, count):
    job = service.run(count, {"steps": 3})

    watched = qruntime(server, "jobs", "watch", job.job_id)
    listed = qruntime(server, "jobs", "ls", "--json", "--program", count)
    result = qruntime(server, "jobs", "result", job.job_id)

    assert (watched.returncode, watched.stdout) == (0, "3\n")
    assert job.job_id in [json.loads(line)["job_id"] for line in listed.stdout.splitlines()]
    assert result.stdout == "3\n"


def test_a_user_made_on_the_command_line_gets_in_and_sees_nothing_of_others(server, count):
    key = qruntime(server, "users", "create", "ada").stdout.strip()

    assert qruntime(server, "programs", "ls", "--json", key=key).stdout == ""
    assert qruntime(server, "users", "ls", key=key).returncode == 2
    assert qruntime(server, "users", "change", "ada", "--disable").returncode == 0
    assert "disabled" in qruntime(server, "programs", "ls", key=key).stderr


def test_the_jobs_of_a_session_run_one_after_the_other_on_its_worker(service, count):
    with Session(service, "aer_simulator") as session:
        jobs = [session.run(count, {"steps": 1}) for _ in range(3)]
        results = [job.result(timeout=60) for job in jobs]
        listed = [job.job_id for job in session.jobs()]

    times = [(job.snapshot().started, job.snapshot().ended) for job in jobs]
    assert results == [1, 1, 1]
    assert listed == [job.job_id for job in reversed(jobs)]
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))


def test_a_closed_session_takes_no_more_jobs(service, count):
    session = Session(service, "aer_simulator")
    session.close()

    with pytest.raises(InvalidStateError, match="closed"):
        session.run(count)


def test_a_batch_runs_its_jobs_and_is_no_place_for_another_backend(service, count):
    with Batch(service, "aer_simulator") as batch:
        jobs = [batch.run(count, {"steps": 2}) for _ in range(4)]
        with pytest.raises(InvalidInputError, match="this session is on"):
            batch.run(count, options={"backend": "aer_simulator_stabilizer"})

        assert [job.result(timeout=60) for job in jobs] == [2] * 4


def test_a_server_speaks_https_to_those_who_trust_its_certificate(serve, tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    chain, key, trusted = tmp_path / "chain.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(trusted)
    made = serve("--tls-certificate", str(chain), "--tls-key", str(key))

    with RuntimeService(made.url, made.key, verify=str(trusted)) as service:
        assert "aer_simulator" in service.backends()
    with pytest.raises(UnavailableError, match="certificate"):
        HttpConnection(Requests(made.url, made.key, patience_seconds=0)).backends()


def test_a_server_that_is_asked_to_stop_lets_running_jobs_end(serve):
    made = serve("--workers", "1")
    with made.service() as service:
        job = service.run(
            service.upload_program(
                "import time\n\ndef main(backend, user_messenger):\n"
                "    user_messenger.publish(1)\n    time.sleep(1)\n    return 'done'\n",
                name="short",
            )
        )
        next(job.stream())
    made.process.terminate()
    made.process.wait(30)

    again = serve(key=made.key)
    with again.service() as service:
        assert service.job(job.job_id).result(timeout=30) == "done"


def test_a_client_does_not_load_what_a_server_or_a_simulator_needs(server):
    code = """
import sys
from qruntime import RuntimeService

RuntimeService(sys.argv[1], sys.argv[2]).backends()
heavy = {"qiskit_aer", "sqlalchemy", "alembic", "fastapi", "uvicorn", "obstore", "numba", "stim"}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, server.url, server.key],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"


def test_a_program_does_not_see_the_secrets_of_the_servers_environment(serve, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    made = serve("--workers", "1")
    with made.service() as service:
        program = service.upload_program(
            "import os\n\ndef main(backend, user_messenger):\n    return dict(os.environ)\n",
            name="environment",
        )
        seen = service.run(program).result(timeout=60)

    assert "very-secret" not in json.dumps(seen)
    assert made.key not in json.dumps(seen)
