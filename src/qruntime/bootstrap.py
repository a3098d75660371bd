# SPDX-License-Identifier: Apache-2.0
"""The composition root: the only place that names concrete parts.

What is heavy is imported inside the functions: the command line starts a worker's process here
before it loads Qiskit itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qruntime.errors import InvalidInputError

if TYPE_CHECKING:
    from qruntime.backends.registry import Catalog
    from qruntime.engine.launchers import Launcher
    from qruntime.engine.runtime import LocalRuntime
    from qruntime.program.backend import ProgramBackend

ISOLATIONS = ("inline", "process")


def launcher(isolation: str) -> Launcher:
    """Return what starts workers: ``inline`` in threads, ``process`` each in a process of its own.

    Raises:
        InvalidInputError: there is no such isolation.
    """
    if isolation == "inline":
        from qruntime.engine.launchers.inline import InlineLauncher

        return InlineLauncher()
    if isolation == "process":
        from qruntime.agent.agent import NodeAgent
        from qruntime.engine.launchers.agent import AgentLauncher

        return AgentLauncher(NodeAgent(references=Path.cwd(), preload_after=2))
    raise InvalidInputError(f"no isolation '{isolation}'; there are: {', '.join(ISOLATIONS)}")


def local(
    starter: Launcher, *, slots: int = 4, backends: Mapping[str, Any] | None = None
) -> LocalRuntime:
    """Return a runtime in this process.

    ``slots`` is how many programs run at once. ``backends`` are objects, classes or functions by
    name, besides the installed ones.

    Raises:
        InvalidInputError: the programs run in other processes, which do not have ``backends``.
    """
    if backends and not starter.in_process:
        raise InvalidInputError(
            "backends of your own do not leave this process: use isolation='inline', or name them "
            "as 'FILE.py:CLASS' or 'MODULE:CLASS'"
        )
    from qruntime.backends.registry import from_reference, installed
    from qruntime.engine.runtime import LocalRuntime
    from qruntime.store.memory import MemoryStore

    registry = installed()
    registry.resolve = from_reference
    registry.catalogs[:0] = [_own(name, made) for name, made in (backends or {}).items()]
    return LocalRuntime(MemoryStore(), registry, starter, slots=slots)


def _own(name: str, made: Any) -> Catalog:
    from qiskit.providers import BackendV2

    from qruntime.backends.registry import Catalog, as_backend, made_by, with_own_options

    def create(_name: str) -> ProgramBackend:
        if isinstance(made, BackendV2):
            return with_own_options(as_backend(made, f"backend '{name}'"))
        return made_by(made, f"backend '{name}'")

    return Catalog(names=lambda: (name,), create=create, prefix=name)
