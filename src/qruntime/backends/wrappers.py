# SPDX-License-Identifier: Apache-2.0
"""Concerns around a backend, each a class that holds one."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any

from qiskit import QuantumCircuit
from qiskit.providers import Options

from qruntime.core.jobs import JobUsage
from qruntime.program.backend import ProgramBackend
from qruntime.program.job import FinishedJob


class WatchedBackend(ProgramBackend):
    """Tells after each run what has been used so far, and asks before each whether to go on.

    Everything else is the held backend's own: its type for ``isinstance``, its methods, attributes
    and options. ``before_run`` may raise to stop the program.
    """

    _OWN = frozenset({"run", "compile", "configured", "_watch"})
    _MADE_FROM_OWN = frozenset({"sampler", "estimator"})

    def __init__(
        self,
        backend: ProgramBackend,
        *,
        before_run: Callable[[], None],
        after_run: Callable[[JobUsage], None],
    ) -> None:
        object.__setattr__(self, "_held", backend)
        object.__setattr__(self, "_watch", _Watch(before_run, after_run))

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, *args: Any, **run_config: Any) -> Any:
        """Run on the held backend, with its own arguments, and report the usage."""
        self._watch.before_run()
        held: ProgramBackend = object.__getattribute__(self, "_held")
        job = held.run(*args, **run_config)
        self._watch.count(_used(held, job, args, run_config))
        if isinstance(job, FinishedJob):
            job.ran_on(self)
        return job

    def compile(self, *args: Any, **options: Any) -> Any:
        """Compile on the held backend; the template's runs are watched as well."""
        template = object.__getattribute__(self, "_held").compile(*args, **options)
        return template.watched(
            self._watch.before_run, lambda circuits, shots: self._watch.count((circuits, shots))
        )

    def configured(self, **options: Any) -> Any:
        """Return a backend like the held one with other options, under the same watch."""
        made = object.__new__(WatchedBackend)
        held = object.__getattribute__(self, "_held")
        object.__setattr__(made, "_held", held.configured(**options))
        object.__setattr__(made, "_watch", self._watch)
        return made

    def __getattribute__(self, name: str) -> Any:
        if name in WatchedBackend._OWN:
            return object.__getattribute__(self, name)
        held = object.__getattribute__(self, "_held")
        if name in WatchedBackend._MADE_FROM_OWN and hasattr(type(held), name):
            return getattr(type(held), name).__get__(self)  # so that what they run is watched
        return getattr(held, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_held"), name, value)

    def __str__(self) -> str:
        return str(object.__getattribute__(self, "_held"))

    def __repr__(self) -> str:
        return repr(object.__getattribute__(self, "_held"))


class _Watch:
    """The two callbacks and the sum of what was used."""

    def __init__(
        self, before_run: Callable[[], None], after_run: Callable[[JobUsage], None]
    ) -> None:
        self.before_run = before_run
        self._after_run = after_run
        self._usage = JobUsage()

    def count(self, used: tuple[int, int]) -> None:
        circuits, shots = used
        self._usage = JobUsage(
            self._usage.runs + 1, self._usage.circuits + circuits, self._usage.shots + shots
        )
        self._after_run(self._usage)


def _used(
    backend: ProgramBackend, job: Any, args: tuple[Any, ...], run_config: dict[str, Any]
) -> tuple[int, int]:
    """Return circuits and shots of a run: as the job states them, else from the arguments."""
    stated = getattr(job, "metadata", None) or {}
    if "circuits" in stated and "shots" in stated:
        return stated["circuits"], stated["shots"]
    given = args[0] if args else run_config.get("circuits", run_config.get("run_input"))
    many = isinstance(given, Sized) and not isinstance(given, QuantumCircuit | str)
    circuits = len(given) if many and isinstance(given, Sized) else 1
    shots = run_config.get("shots") or getattr(backend.options, "shots", None) or 0
    return circuits, circuits * int(shots)
