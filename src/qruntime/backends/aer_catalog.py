# SPDX-License-Identifier: Apache-2.0
"""The names under which Aer's simulators are found."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec

from qruntime.backends.registry import Catalog
from qruntime.errors import MissingDependencyError
from qruntime.program.backend import ProgramBackend

_PREFIX = "aer_simulator"


def _names() -> Iterable[str]:
    if find_spec("qiskit_aer") is None:
        raise MissingDependencyError("qiskit-aer is not installed: pip install 'qruntime[aer]'")
    return _installed_names()


@cache
def _installed_names() -> tuple[str, ...]:
    from qiskit_aer import AerSimulator

    methods = AerSimulator().available_methods()
    return (_PREFIX, *(f"{_PREFIX}_{method}" for method in methods if method != "automatic"))


def _create(name: str) -> ProgramBackend:
    from qruntime.backends.aer import AerBackend

    method = name.removeprefix(_PREFIX).removeprefix("_")
    return AerBackend(method=method or "automatic")


catalog = Catalog(names=_names, create=_create, prefix=_PREFIX)
