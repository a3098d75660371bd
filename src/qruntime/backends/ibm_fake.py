# SPDX-License-Identifier: Apache-2.0
"""IBM's fake devices: real calibration data, simulated by Aer with the noise that it implies."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec

from qiskit.providers import BackendV2

from qruntime.backends.registry import Catalog
from qruntime.errors import MissingDependencyError
from qruntime.program.backend import ProgramBackend


@cache
def _classes() -> dict[str, type[BackendV2]]:
    for module, extra in (("qiskit_ibm_runtime", "ibm"), ("qiskit_aer", "aer")):
        if find_spec(module) is None:
            package = module.replace("_", "-")
            raise MissingDependencyError(
                f"{package} is not installed: pip install 'qruntime[{extra}]'"
            )
    from qiskit_ibm_runtime import fake_provider

    found = (getattr(fake_provider, name) for name in dir(fake_provider))
    return {
        name: item
        for item in found
        if isinstance(item, type)
        and issubclass(item, BackendV2)
        and (name := getattr(item, "backend_name", None))
    }


def _names() -> Iterable[str]:
    return _classes()


def _create(name: str) -> ProgramBackend:
    from qruntime.backends.aer import AerBackend

    return AerBackend.from_device(_classes()[name](), name=name)


catalog = Catalog(names=_names, create=_create, prefix="fake_")
