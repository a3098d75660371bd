# SPDX-License-Identifier: Apache-2.0
"""``qruntime doctor``: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import json as json_module
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from qruntime.errors import QRuntimeError

_SERVER = ("fastapi", "uvicorn", "sqlalchemy", "alembic", "obstore", "zstandard")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried. ``needed`` says that nothing works without it."""

    what: str
    works: bool
    detail: str
    needed: bool = False


def doctor(
    *,
    data_dir: Annotated[
        Path | None, typer.Option(help="A server's data folder, to look at its database.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Try everything that qruntime relies on; the exit code is 1 if something needed fails."""
    failed = False
    for finding in _findings(data_dir):
        failed |= finding.needed and not finding.works
        if json:
            typer.echo(json_module.dumps(asdict(finding)))
        else:
            mark = "ok  " if finding.works else "FAIL" if finding.needed else "--  "
            typer.echo(f"{mark} {finding.what}: {finding.detail}")
    raise typer.Exit(int(failed))


def _findings(data_dir: Path | None) -> Iterator[Finding]:
    python = platform.python_version()
    yield Finding("Python", sys.version_info >= (3, 11), python, needed=True)
    yield _package("qiskit", "pip install qiskit", needed=True)
    yield _package("qiskit-aer", "pip install 'qruntime[aer]'")
    yield _tried("compiled statevector", _kernel)
    yield _package("stim", "pip install 'qruntime[fast]'")
    yield _tried("simulation", _simulation)
    yield _tried("jobs in processes of their own", _job)
    missing = [name for name in _SERVER if _version(name) is None]
    lacking = f"lacks {', '.join(missing)}: pip install 'qruntime[server]'"
    yield Finding("server", not missing, lacking if missing else "everything is installed")
    if data_dir is not None:
        yield _tried("database", lambda: _database(data_dir), needed=True)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _package(name: str, how: str, *, needed: bool = False) -> Finding:
    found = _version(name)
    return Finding(name, found is not None, found or f"not installed: {how}", needed)


def _tried(what: str, attempt: Callable[[], str], *, needed: bool = False) -> Finding:
    try:
        return Finding(what, True, attempt(), needed)
    except (QRuntimeError, ImportError, OSError) as error:
        return Finding(what, False, f"{type(error).__name__}: {error}", needed)


def _kernel() -> str:
    from qruntime.execution import warm

    began = time.perf_counter()
    warm()
    return f"loaded in {time.perf_counter() - began:.1f} s"


def _simulation() -> str:
    from qiskit import QuantumCircuit

    from qruntime.backends.registry import installed

    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    result = installed().create("aer_simulator").run(bell, shots=100).result()
    tier = result.results[0].metadata.get("tier", "aer")
    return f"a Bell pair on the tier '{tier}': {dict(result.get_counts())}"


def _job() -> str:
    from qruntime.client.service import RuntimeService

    source = "def main(backend, user_messenger):\n    return 'ran'\n"
    with RuntimeService(isolation="process") as service:
        program = service.upload_program(source)
        service.run(program).result(timeout=120)
        began = time.perf_counter()
        service.run(program).result(timeout=120)
    return f"an empty job took {(time.perf_counter() - began) * 1e3:.0f} ms"


def _database(data_dir: Path) -> str:
    from qruntime.config import read_settings
    from qruntime.store.sql import current

    settings = read_settings(data_dir=data_dir)
    return f"revision {current(settings.database) or 'none: it is empty'}"
