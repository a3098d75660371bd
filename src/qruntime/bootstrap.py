# SPDX-License-Identifier: Apache-2.0
"""The composition root: the only place that names concrete parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qruntime.backends.registry import Catalog, as_backend, from_reference, installed
from qruntime.engine.launchers import Launcher
from qruntime.engine.launchers.inline import InlineLauncher
from qruntime.engine.launchers.process import ProcessLauncher
from qruntime.engine.runtime import LocalRuntime
from qruntime.errors import InvalidInputError
from qruntime.program.backend import ProgramBackend
from qruntime.store.memory import MemoryStore

ISOLATIONS = ("inline", "process")


def local(
    *, isolation: str = "inline", slots: int = 4, backends: Mapping[str, Any] | None = None
) -> LocalRuntime:
    """Return a runtime in this process.

    ``isolation`` is where programs run: ``inline`` in threads, ``process`` each in a process of its
    own. ``slots`` is how many run at once. ``backends`` are objects or functions by name, besides
    the installed ones.

    Raises:
        InvalidInputError: there is no such isolation.
    """
    registry = installed()
    registry.resolve = from_reference
    registry.catalogs[:0] = [_own(name, made) for name, made in (backends or {}).items()]
    launcher: Launcher
    if isolation == "inline":
        launcher = InlineLauncher(registry)
    elif isolation == "process":
        launcher = ProcessLauncher()
    else:
        raise InvalidInputError(
            f"no isolation '{isolation}'; there are: {', '.join(ISOLATIONS)}"
        )
    return LocalRuntime(MemoryStore(), registry, launcher, slots=slots)


def _own(name: str, made: Any) -> Catalog:
    def create(_name: str) -> ProgramBackend:
        return as_backend(made() if isinstance(made, type) else made, f"backend '{name}'")

    return Catalog(names=lambda: (name,), create=create, prefix=name)
