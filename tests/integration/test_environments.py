# SPDX-License-Identifier: Apache-2.0
"""Programs with packages of their own: a real uv, an index that is a folder, no network."""

from __future__ import annotations

import importlib.util
import io
import os
import stat
import tarfile
import threading
from pathlib import Path

import pytest
from tests.wheels import make_wheel

from qruntime.agent.agent import NodeAgent
from qruntime.bootstrap import local
from qruntime.client.service import RuntimeService
from qruntime.core.programs import ProgramSource
from qruntime.engine.launchers.agent import AgentLauncher
from qruntime.environments.environments import Environments, own_folder
from qruntime.environments.uv import Runs
from qruntime.errors import EnvironmentFailedError, InvalidProgramError

SECONDS = 100
ABSENT = "qrtprobe"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Let uv know one folder of wheels and nothing else."""
    top = tmp_path_factory.mktemp("index")
    wheels = top / "wheels"
    wheels.mkdir()
    for version in ("1.0", "2.0"):
        make_wheel(wheels, ABSENT, version, {f"{ABSENT}.py": f"VERSION = '{version}'\n"})
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("UV_")]:
            patch.delenv(name)
        patch.setenv("UV_FIND_LINKS", str(wheels))
        patch.setenv("UV_NO_INDEX", "1")
        patch.setenv("UV_OFFLINE", "1")
        patch.setenv("UV_NO_CONFIG", "1")
        patch.setenv("UV_CACHE_DIR", str(top / "cache"))
        patch.setenv("XDG_CACHE_HOME", str(top / "user"))
        yield wheels


@pytest.fixture(scope="module")
def service(index):
    agent = NodeAgent(preload=(), environments=Environments(own_folder()))
    starter = AgentLauncher(agent, grace_seconds=0.2)
    with RuntimeService(connection=local(starter)) as service:
        yield service
    starter.close()


def program(requirement, *lines):
    body = "".join(f"    {line}\n" for line in lines)
    return (
        f'# /// script\n# dependencies = ["{requirement}"]\n# ///\n'
        f"import os, sys\n\n\ndef main(backend, user_messenger):\n{body}"
    )


VERSION = (f"import {ABSENT}", f"return {ABSENT}.VERSION")
ZYGOTE = (
    "stat = open(f'/proc/{os.getppid()}/stat').read()",
    "return [sys.executable, stat.rpartition(')')[2].split()[1]]",
)


def source_of(*args):
    return ProgramSource({"program.py": program(*args).encode()}, "program.py")


def test_a_program_imports_a_package_that_the_runtime_does_not_have(service):
    program_id = service.upload_program(program(ABSENT, *VERSION), name="absent")

    assert importlib.util.find_spec(ABSENT) is None
    assert service.run(program_id).result(SECONDS) == "2.0"


def test_a_program_in_an_environment_runs_circuits_on_the_runtimes_own_qiskit(service):
    lines = (
        "from qiskit import QuantumCircuit, __version__",
        "circuit = QuantumCircuit(1)",
        "circuit.x(0)",
        "circuit.measure_all()",
        "counts = backend.run(circuit, shots=7).result().get_counts()",
        "return [counts, __version__]",
    )
    from qiskit import __version__

    program_id = service.upload_program(program(ABSENT, *lines), name="circuits")

    assert service.run(program_id).result(SECONDS) == [{"1": 7}, __version__]


def test_two_programs_with_two_versions_of_a_package_run_side_by_side(service):
    """Each waits for the other to have begun."""
    both = (
        "import pathlib, time",
        f"import {ABSENT}",
        "pathlib.Path(place, me).touch()",
        "while not pathlib.Path(place, other).exists():",
        "    time.sleep(0.01)",
        f"return {ABSENT}.VERSION",
    )
    ids = [
        service.upload_program(
            program(f"{ABSENT}=={version}", *both).replace(
                "user_messenger)", "user_messenger, place, me, other)"
            ),
            name=f"side-{version}",
        )
        for version in ("1.0", "2.0")
    ]
    place = str(own_folder())
    jobs = [
        service.run(program_id, {"place": place, "me": me, "other": other})
        for program_id, me, other in zip(ids, "ab", "ba", strict=True)
    ]

    assert [job.result(SECONDS) for job in jobs] == ["1.0", "2.0"]


def test_the_second_job_of_a_program_is_forked_from_the_process_of_the_first(service):
    program_id = service.upload_program(program(ABSENT, *ZYGOTE), name="warm")
    plain = program(ABSENT, *ZYGOTE).partition("# ///\n")[2]
    plain_id = service.upload_program(plain, name="plain")

    first = service.run(program_id).result(SECONDS)
    other = service.run(plain_id).result(SECONDS)
    second = service.run(program_id).result(SECONDS)

    assert first == second
    assert first[1] != other[1]


def test_a_program_that_declares_what_workers_have_needs_no_environment(service):
    plain = service.upload_program(program("qruntime", *ZYGOTE), name="has-it-all")
    requirement = service.upload_program(program("qiskit>=2", *ZYGOTE), name="qiskit")

    assert service.run(plain).result(SECONDS) == service.run(requirement).result(SECONDS)


@pytest.mark.parametrize(
    ("requirement", "message"),
    [(f"{ABSENT}>=3", rf"(?s)cannot be had.*{ABSENT}"), ("numpy<1", "runs on numpy")],
)
def test_a_requirement_that_cannot_be_met_is_told_at_the_upload(service, requirement, message):
    with pytest.raises(InvalidProgramError, match=message):
        service.upload_program(program(requirement, "pass"), name="broken")
    assert "broken" not in [held.program_id for held in service.programs()]


def test_what_a_package_requires_of_the_runtimes_own_packages_need_not_be_in_the_index(
    index, tmp_path
):
    make_wheel(index, "qrtneedy", "1.0", {"qrtneedy.py": ""}, needs=["numpy>=2", "qrtprobe<2"])

    lock = Environments(tmp_path / "environments").resolve(source_of("qrtneedy"))

    found = [line.partition("==")[0] for line in lock.splitlines() if "==" in line]
    assert found == ["qrtneedy", "qrtprobe"]


def test_a_package_that_requires_another_version_of_the_runtimes_own_is_refused(index, tmp_path):
    make_wheel(index, "qrtold", "1.0", {"qrtold.py": ""}, needs=["numpy<1.5"])

    with pytest.raises(InvalidProgramError, match=r"numpy(<1\.5|==)"):
        Environments(tmp_path / "environments").resolve(source_of("qrtold"))


def test_few_environments_have_a_warm_process_at_a_time(index, tmp_path, monkeypatch):
    monkeypatch.setattr("qruntime.agent.zygotes._MAX_OF_PROGRAMS", 1)
    environments = Environments(tmp_path / "environments")
    agent = NodeAgent(preload=(), environments=environments)
    starter = AgentLauncher(agent, grace_seconds=0.2)
    with RuntimeService(connection=local(starter)) as service:
        for version in ("1.0", "2.0"):
            program_id = service.upload_program(
                program(f"{ABSENT}=={version}", *VERSION), name=f"few-{version}"
            )
            assert service.run(program_id).result(SECONDS) == version
        pids = agent.info().warm_pids
    starter.close()

    assert len(pids) == 2  # our own, and one environment's


def test_what_the_server_has_on_its_path_does_not_hide_what_a_program_declares(
    index, tmp_path, monkeypatch
):
    (tmp_path / f"{ABSENT}.py").write_text("VERSION = 'of the server'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    environments = Environments(tmp_path / "environments")
    starter = AgentLauncher(NodeAgent(preload=(), environments=environments))
    with RuntimeService(connection=local(starter)) as service:
        declares = service.upload_program(program(ABSENT, *VERSION), name="declares")
        plain = service.upload_program(program("qruntime", *VERSION), name="plain")

        assert service.run(declares).result(SECONDS) == "2.0"
        assert service.run(plain).result(SECONDS) == "of the server"
    starter.close()


def test_a_cold_start_is_in_the_environment_too(index, tmp_path):
    environments = Environments(tmp_path / "environments")
    agent = NodeAgent(environments=environments, cold=True)
    starter = AgentLauncher(agent, grace_seconds=0.2)
    with RuntimeService(connection=local(starter)) as service:
        program_id = service.upload_program(program(ABSENT, *VERSION), name="cold")

        assert service.run(program_id).result(SECONDS) == "2.0"
    starter.close()


def test_a_job_whose_environment_cannot_be_built_fails_and_says_why(service, index, monkeypatch):
    make_wheel(index, "qrtgone", "1.0", {"qrtgone.py": ""})
    program_id = service.upload_program(program("qrtgone", "return 1"), name="gone")
    (index / "qrtgone-1.0-py3-none-any.whl").unlink()
    monkeypatch.setenv("UV_CACHE_DIR", str(index.parent / "empty"))

    job = service.run(program_id)
    job.wait_for_final_state(SECONDS)

    failure = job.snapshot().failure
    assert failure.code == "environment_failed"
    assert "qrtgone" in failure.message


def test_first_jobs_at_the_same_time_build_one_environment(index, tmp_path, monkeypatch):
    built = []
    run_uv = Runs.uv

    def count(self, arguments, **more):
        built.extend(argument for argument in arguments if argument == "sync")
        return run_uv(self, arguments, **more)

    monkeypatch.setattr(Runs, "uv", count)
    builders = [Environments(tmp_path / "environments") for _ in range(2)]
    lock = builders[0].resolve(source_of(ABSENT))
    pythons = []
    threads = [
        threading.Thread(target=lambda builder=builder: pythons.append(builder.python(lock)))
        for builder in builders * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)

    assert len(pythons) == 4
    assert len(set(pythons)) == 1
    assert built == ["sync"]


def test_nothing_in_an_environment_can_be_written_to_and_nothing_is_left_beside_it(index, tmp_path):
    folder = tmp_path / "environments"
    environments = Environments(folder)
    python = Path(environments.python(environments.resolve(source_of(ABSENT))))
    place = python.parents[1]

    below = [path for path in place.rglob("*") if not path.is_symlink()]
    assert [path for path in below if path.stat().st_mode & stat.S_IWUSR] == []
    assert list(place.rglob(f"{ABSENT}*.pyc"))
    assert {path.name for path in folder.iterdir()} == {place.name, f"{place.name}.lock"}


def test_a_package_that_hides_a_module_of_the_runtime_is_refused_by_the_build(index, tmp_path):
    make_wheel(index, "qrthides", "1.0", {"numpy.py": "raise ImportError('hidden')\n"})
    environments = Environments(tmp_path / "environments")
    lock = environments.resolve(source_of("qrthides"))

    with pytest.raises(EnvironmentFailedError, match=r"(?s)does not start beside.*hidden"):
        environments.python(lock)
    assert [path.suffix for path in (tmp_path / "environments").iterdir()] == [".lock"]


def test_what_packages_execute_while_they_are_installed_sees_no_secret(
    index, tmp_path, monkeypatch
):
    seen = tmp_path / "seen"
    told = f"import os; open({str(seen)!r}, 'a').write(str('A_SECRET' in os.environ) + '.')\n"
    make_wheel(index, "qrtcurious", "1.0", {"qrtcurious.py": "", "qrtcurious.pth": told})
    monkeypatch.setenv("A_SECRET", "x")
    environments = Environments(tmp_path / "environments")

    environments.python(environments.resolve(source_of("qrtcurious")))

    assert set(seen.read_text().split(".")) == {"False", ""}


@pytest.mark.parametrize("hashes", ["--hash=sha256:" + "0" * 64, ""], ids=["another", "none"])
def test_a_wheel_that_a_lock_has_no_fitting_hash_of_is_refused(index, tmp_path, hashes):
    environments = Environments(tmp_path / "environments")
    lock = environments.resolve(source_of(ABSENT))
    assert "--hash=sha256:" in lock
    wrong = f"{lock.partition(' ' + chr(92))[0]} {hashes}\n"

    with pytest.raises(EnvironmentFailedError, match=r"(?si)could not be installed.*hash"):
        environments.python(wrong)


def test_nothing_is_built_from_source(index, tmp_path):
    ran = tmp_path / "ran"
    with tarfile.open(index / "qrtsource-1.0.tar.gz", "w:gz") as archive:
        for name, text in {
            "PKG-INFO": "Metadata-Version: 2.2\nName: qrtsource\nVersion: 1.0\n",
            "setup.py": f"open({str(ran)!r}, 'w').close()\n",
        }.items():
            member = tarfile.TarInfo(f"qrtsource-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))

    with pytest.raises(InvalidProgramError, match="qrtsource"):
        Environments(tmp_path / "environments").resolve(source_of("qrtsource"))
    assert not ran.exists()


def test_a_lock_of_another_python_is_refused(tmp_path):
    with pytest.raises(
        EnvironmentFailedError, match=r"for Python 3\.1, .*upload the program again"
    ):
        Environments(tmp_path / "environments").python("# python 3.1\nx==1\n")


def test_environments_that_are_closed_install_nothing(index, tmp_path):
    environments = Environments(tmp_path / "environments")
    lock = environments.resolve(source_of(ABSENT))
    environments.close()

    with pytest.raises(EnvironmentFailedError, match="closed"):
        environments.python(lock)


def test_keys_of_an_index_are_not_told(index, tmp_path, monkeypatch):
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.delenv("UV_OFFLINE")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://ada:geheim@127.0.0.1:9/simple")

    with pytest.raises(EnvironmentFailedError) as caught:
        Environments(tmp_path / "environments").resolve(source_of("qrtnowhere"))
    assert "geheim" not in str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)
