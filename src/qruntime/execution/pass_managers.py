# SPDX-License-Identifier: Apache-2.0
"""Qiskit's preset pass managers, each built once and used by one thread at a time."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import qiskit
from qiskit import QuantumCircuit
from qiskit.transpiler import PassManager, PropertySet, StagedPassManager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from qruntime.execution.lru import Lru
from qruntime.execution.transpile_options import Request
from qruntime.execution.transpile_template import merging_pass

_KEPT = 32


@dataclass(frozen=True, slots=True)
class BuiltPassManager:
    """A pass manager with its lock: while it runs, its passes hold the state of that run."""

    manager: StagedPassManager
    lock: threading.RLock
    merging: Optimize1qGatesDecomposition | None

    def run(self, circuits: Any, num_processes: int | None = None) -> Any:
        """Transpile as Qiskit does, one call at a time."""
        with self.lock:
            return self.manager.run(circuits, num_processes=num_processes)


class PassManagers:
    """Keeps the pass managers that were used last."""

    def __init__(self) -> None:
        self._built: Lru[BuiltPassManager] = Lru(_KEPT)

    def get(self, request: Request) -> BuiltPassManager:
        """Return the pass manager of a request, built now if there is none."""
        found = self._built.get(request.key)
        if found is None:
            manager = qiskit.generate_preset_pass_manager(**request.arguments)
            manager._update_passmanager()
            found = BuiltPassManager(manager, threading.RLock(), merging_pass(manager._tasks))
            self._built.put(request.key, found, 1)
        return found

    def clear(self) -> None:
        """Forget all pass managers."""
        self._built.clear()


Serve = Callable[[Any, int | None], Any]


class CachedPassManager(StagedPassManager):
    """A preset pass manager whose ``run`` is served from a cache as long as nobody changes it.

    Its stages can be replaced and appended to; from then on it runs as Qiskit's does. The passes
    themselves are shared with other pass managers of the same options. After a served run,
    ``property_set`` has the layouts and nothing else.
    """

    _serve: Serve | None
    _lock: threading.RLock | None
    _as_built: list[Any]

    @classmethod
    def of(cls, built: BuiltPassManager, serve: Serve) -> CachedPassManager:
        """Return a pass manager of its own with the passes of a built one."""
        made = cls.__new__(cls)
        made.__dict__.update(built.manager.__dict__)
        for stage in made.expanded_stages:
            if isinstance(made.__dict__.get(stage), PassManager):
                made.__dict__[stage] = _copy_stage(made.__dict__[stage])
        made.property_set = PropertySet()
        made._as_built = _copy_tasks(built.manager._tasks)
        made._serve = serve
        made._lock = built.lock
        return made

    def run(
        self,
        circuits: Any,
        output_name: str | None = None,
        callback: Callable[..., Any] | None = None,
        num_processes: int | None = None,
        **more: Any,
    ) -> Any:
        """Transpile one circuit or a list of them, as ``StagedPassManager.run`` does."""
        self._update_passmanager()
        served = output_name is None and callback is None and not more
        if self._serve is None or self._lock is None or self._tasks != self._as_built:
            return super().run(circuits, output_name, callback, num_processes, **more)
        if not served:
            with self._lock:
                return super().run(circuits, output_name, callback, num_processes, **more)
        made = self._serve(circuits, num_processes)
        if isinstance(made, QuantumCircuit):
            self.property_set = PropertySet()
            if made.layout is not None:
                made.layout.write_into_property_set(self.property_set)
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_serve": None, "_lock": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> CachedPassManager:
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update(copy.deepcopy(self.__getstate__(), memo))
        return made


def _copy_stage(stage: PassManager) -> PassManager:
    made = copy.copy(stage)
    made._tasks = _copy_tasks(stage._tasks)
    return made


def _copy_tasks(tasks: list[Any]) -> list[Any]:
    return [list(group) if isinstance(group, list) else group for group in tasks]
