# SPDX-License-Identifier: Apache-2.0
"""Functions and objects that Qiskit dropped and that programs of 2021-2023 import."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterable
from typing import Any, NoReturn, TextIO

import numpy as np
import qiskit
from qiskit.providers import QiskitBackendNotFoundError

from qruntime.errors import InvalidInputError, MissingDependencyError, UnsupportedOptionError

QISKIT_VERSION = {"qiskit": qiskit.__version__, "qiskit-terra": qiskit.__version__}

_LOOK_SECONDS = 0.02
_NO_PULSE = (
    "pulses left Qiskit: run the program on a worker image with an old stack (RuntimeOptions.image)"
)


def schedule(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Refuse: there are no pulse schedules any more."""
    raise MissingDependencyError(f"schedule() gives pulse schedules, and {_NO_PULSE}")


def sequence(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Refuse: there are no pulse schedules any more."""
    raise MissingDependencyError(f"sequence() gives pulse schedules, and {_NO_PULSE}")


def assemble(experiments: Any, backend: Any = None, **options: Any) -> list[Any]:  # noqa: ARG001  the old signature
    """Return the circuits as a list: backends take circuits, not qobjs.

    Raises UnsupportedOptionError for run options, which would be lost: they belong to
    ``backend.run``.
    """
    given = sorted(name for name, value in options.items() if value is not None)
    if given:
        raise UnsupportedOptionError(
            f"assemble() cannot carry {', '.join(given)}: give them to backend.run(circuits, ...)"
        )
    return list(experiments) if isinstance(experiments, list | tuple) else [experiments]


def job_monitor(
    job: Any,
    interval: float | None = None,
    quiet: bool = False,
    output: TextIO | None = None,
    line_discipline: str = "\r",
    **_old: Any,
) -> None:
    """Wait for a job and print its last status; look every ``interval`` seconds."""
    while not job.in_final_state():
        time.sleep(interval or _LOOK_SECONDS)
    if not quiet:
        status = job.status()
        text = getattr(status, "value", status)
        print(f"{line_discipline}Job Status: {text}", file=output or sys.stdout)


def least_busy(backends: Iterable[Any], reservation_lookahead: int | None = 60) -> Any:  # noqa: ARG001
    """Return the operational backend with the fewest pending jobs."""
    states = [(backend, backend.status()) for backend in backends]
    found = [(state.pending_jobs, at) for at, (_, state) in enumerate(states) if state.operational]
    if not found:
        raise InvalidInputError("least_busy: none of these backends is operational")
    return states[min(found)[1]][0]


def has_aer() -> bool:
    """Whether the Aer simulators are installed."""
    return importlib.util.find_spec("qiskit_aer") is not None


class _Aer:
    """The provider of the Aer simulators; Aer is imported when it is first used.

    ``qasm_simulator`` is the simulator that took its place: the one that Aer still has of this name
    knows no conditions.
    """

    def get_backend(self, name: str = "aer_simulator", **filters: Any) -> Any:
        if name != "qasm_simulator":
            return self.__getattr__("get_backend")(name, **filters)
        backend = self.__getattr__("get_backend")("aer_simulator", **filters)
        backend.name = name
        return backend

    def __getattr__(self, name: str) -> Any:
        try:
            from qiskit_aer import Aer
        except ModuleNotFoundError as error:
            message = "qiskit.Aer needs qiskit_aer: pip install 'qruntime[aer]'"
            raise MissingDependencyError(message) from error
        return getattr(Aer, name)

    def __repr__(self) -> str:
        return "AerProvider"


class _BasicAer:
    """The simulators in Python: the one that is left, and Aer's for the two that are gone."""

    _NAMES = ("qasm_simulator", "statevector_simulator", "unitary_simulator")

    def backends(self, name: str | None = None, **_filters: Any) -> list[Any]:
        return [self.get_backend(found) for found in self._NAMES if name in (None, found)]

    def get_backend(self, name: str | None = None, **_filters: Any) -> Any:
        if name in (None, "qasm_simulator", "basic_simulator"):
            from qiskit.providers.basic_provider import BasicProvider

            return BasicProvider().get_backend("basic_simulator")
        if name in self._NAMES:
            return AER.get_backend(name)
        known = ", ".join(self._NAMES)
        raise QiskitBackendNotFoundError(f"BasicAer has no backend {name!r}; known: {known}")

    def __repr__(self) -> str:
        return "BasicAer"


class _Ibmq:
    """Stands for the account of a user: there is none inside a program, as any use of it says."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise MissingDependencyError(
            f"IBMQ.{name}: a program has no IBM Quantum account; its backend is the first argument "
            "of main(backend, user_messenger, ...)"
        )

    def __repr__(self) -> str:
        return "<IBMQ: not available inside a program>"


class _AlgorithmGlobals:
    """The seed and the random generator that algorithms share.

    A seed set here also seeds the algorithms of qiskit-algorithms, if they are installed.
    """

    massive = False

    def __init__(self) -> None:
        self._seed: int | None = None
        self._random: np.random.Generator | None = None
        self.num_processes = 1

    @property
    def random_seed(self) -> int | None:
        return self._seed

    @random_seed.setter
    def random_seed(self, seed: int | None) -> None:
        self._seed, self._random = seed, None
        if importlib.util.find_spec("qiskit_algorithms") is not None:
            from qiskit_algorithms.utils import algorithm_globals

            algorithm_globals.random_seed = seed

    @property
    def random(self) -> np.random.Generator:
        if self._random is None:
            self._random = np.random.default_rng(self._seed)
        return self._random


AER = _Aer()
BASIC_AER = _BasicAer()
IBMQ = _Ibmq()
ALGORITHM_GLOBALS = _AlgorithmGlobals()
