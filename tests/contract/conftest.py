# SPDX-License-Identifier: Apache-2.0
"""Stores to test: in memory, SQLite, PostgreSQL; and the services that they need."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qruntime.store.base import Store
from qruntime.store.memory import MemoryStore

START = datetime(2026, 1, 1, tzinfo=UTC)
REQUIRED = os.environ.get("QRUNTIME_TEST_SERVICES") == "required"
KINDS = ["memory", "sqlite", "postgresql"]


class Clock:
    """Counts a second at each look; ``later`` puts it forward."""

    def __init__(self) -> None:
        self._ticks = itertools.count()
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return START + timedelta(seconds=next(self._ticks)) + self._ahead

    def later(self, **lapse: float) -> None:
        self._ahead += timedelta(**lapse)


def missing(what: str) -> None:
    """Skip the test, or fail it where all services have to be there."""
    if REQUIRED:
        pytest.fail(f"{what}, and QRUNTIME_TEST_SERVICES=required")
    pytest.skip(what)


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's server, the newest if there are several."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((each for each in found if (each / "postgres").exists()), None)


def unprivileged() -> dict[str, str]:
    """Return whom to run PostgreSQL as: it refuses to be run by root."""
    return {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this test run: the URL of a database, less the database's name."""
    programs = postgres_programs()
    if programs is None:
        missing("PostgreSQL is not installed: no initdb on the PATH or in /usr/lib/postgresql")
    with tempfile.TemporaryDirectory(prefix="qruntime-pg-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        home.mkdir()
        if os.getuid() == 0:
            shutil.chown(home, **unprivileged())
        common = {"cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        subprocess.run(
            [programs / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-N"],
            check=True,
            extra_groups=[] if os.getuid() == 0 else None,
            **common,
            **unprivileged(),
        )
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(home),
            "fsync": "off",
            "max_connections": "200",
            "shared_buffers": "32MB",
        }
        server = subprocess.Popen(
            [
                programs / "postgres",
                *("-D", home / "data"),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            extra_groups=[] if os.getuid() == 0 else None,
            **common,
            **unprivileged(),
        )
        try:
            await_server(server, home)
            yield f"postgresql://postgres@/{{}}?host={home}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def await_server(server: subprocess.Popen[bytes], home: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(f"postgresql://postgres@/postgres?host={home}").close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, "PostgreSQL ended at its start"
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres_database(postgres: str) -> str:
    """The URL of a database that has the tables, and rows of earlier tests."""
    from qruntime.store.sql import upgrade

    execute(postgres.format("postgres"), "CREATE DATABASE qruntime")
    upgrade(postgres.format("qruntime"))
    return postgres.format("qruntime")


def execute(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True, options="-c lock_timeout=20s") as connection:
        connection.execute(statement)


_databases = itertools.count()


@pytest.fixture
def empty_postgres(postgres: str) -> Iterator[str]:
    name = f"empty{next(_databases)}"
    execute(postgres.format("postgres"), f"CREATE DATABASE {name}")
    yield postgres.format(name)
    execute(postgres.format("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database that has the tables."""
    from qruntime.store.sql import upgrade

    path = tmp_path_factory.mktemp("template") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path


def database_url(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of a database of a kind, with tables and nothing in them."""
    if kind == "sqlite":
        path = folder / "store.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    from qruntime.store.sql.tables import metadata

    url: str = request.getfixturevalue("postgres_database")
    execute(url, f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
    return url


@pytest.fixture(params=KINDS[1:])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with tables and nothing in them."""
    return database_url(request.param, request, tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """A store with nothing in it, of each kind."""
    if request.param == "memory":
        yield MemoryStore(now=clock)
        return
    from qruntime.store.sql import open_store

    made = database_url(request.param, request, tmp_path)
    opened = open_store(made, str(tmp_path / "blobs"), now=clock)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """obstore's options for an S3 server of this test run, which has a bucket ``qruntime``."""
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        missing("moto is not installed")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    import urllib.request

    request = urllib.request.Request(f"{endpoint}/qruntime", method="PUT")
    urllib.request.urlopen(request, timeout=30).close()
    yield {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "test",
        "secret_access_key": "test",
        "client_options": {"allow_http": True},
    }
    server.stop()
