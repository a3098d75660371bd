# SPDX-License-Identifier: Apache-2.0
"""What is installed here already, and what a program declares beyond it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from qruntime._version import __version__
from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidProgramError
from qruntime.program.dependencies import check_python, dependencies_of

if TYPE_CHECKING:
    from packaging.requirements import Requirement

Resolve = Callable[[ProgramSource], str]
"""Gives the lock of what a program declares, empty where it needs nothing; or refuses it."""

_OWN = "qruntime"
_WORKERS_NEED = (
    "jsonschema-rs",
    "llvmlite",
    "numba",
    "numpy",
    "qiskit",
    "qiskit-aer",
    "qiskit-algorithms",
    "qiskit-ibm-runtime",
    "qiskit-qasm3-import",
    "scipy",
    "stim",
)
_WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_CATALOGS = "qruntime.backend_catalogs"


def use_what_is_here(source: ProgramSource) -> str:
    """Return an empty lock for a program that this interpreter can run as it is.

    Raises:
        InvalidProgramError: it declares what is not installed here, or another Python.
    """
    declared = dependencies_of(source)
    if declared is None:
        return ""
    check_python(declared, source.entry_point)
    missing = [text for text in declared.requirements if not _is_met(text)]
    if missing:
        raise InvalidProgramError(
            f"{source.entry_point} declares what this interpreter does not have: "
            f"{', '.join(missing)}; install it here, or run programs in environments of their own "
            "with isolation='process' or a server"
        )
    return ""


def beyond(requirements: Iterable[str], held: Mapping[str, str], path: str) -> list[str]:
    """Return the requirements that ``held``, the versions that workers run on, do not meet.

    Raises:
        InvalidProgramError: one asks for another version of what workers run on.
    """
    left = []
    for text in requirements:
        needed = _read(text)
        version = held.get(needed.name)
        if not _applies(needed):
            continue
        if version is not None and not needed.specifier.contains(version, prereleases=True):
            raise InvalidProgramError(
                f"{path} asks for {text!r}, but the runtime itself runs on {needed.name} "
                f"{version}: a program cannot have another one"
            )
        if version is None or needed.extras:
            left.append(text)
    return left


@cache
def runs_on() -> Mapping[str, str]:
    """Return what workers run on: names and versions of packages, and all that these require.

    The packages of backend catalogues count too.
    """
    found = {_OWN: __version__}
    catalogs = (point.dist for point in metadata.entry_points(group=_CATALOGS))
    names = [*_WORKERS_NEED, *(dist.name for dist in catalogs if dist is not None)]
    while names:
        name = _canonical(names.pop())
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[name] = distribution.version
        names += [item.name for item in map(_read, distribution.requires or ()) if _applies(item)]
    return found


def describe(folder: Path) -> None:
    """Write a wheel without content for each package that workers run on, with its own metadata.

    With these a resolver need not find in an index what is installed here.
    """
    for name, version in runs_on().items():
        about = f"{name.replace('-', '_')}-{version}"
        with zipfile.ZipFile(folder / f"{about}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{about}.dist-info/METADATA", _metadata(name, version))
            wheel.writestr(f"{about}.dist-info/WHEEL", _WHEEL)
            wheel.writestr(f"{about}.dist-info/RECORD", "")


def _metadata(name: str, version: str) -> str:
    plain = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if name == _OWN:  # which may be run from its source, beside the metadata of another version
        return plain
    return metadata.distribution(name).read_text("METADATA") or plain


def _is_met(text: str) -> bool:
    needed = _read(text)
    if not _applies(needed):
        return True
    try:
        version = __version__ if needed.name == _OWN else metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return False
    return needed.specifier.contains(version, prereleases=True)


def _applies(needed: Requirement) -> bool:
    return needed.marker is None or needed.marker.evaluate({"extra": ""})


def _read(text: str) -> Requirement:
    from packaging.requirements import Requirement

    return Requirement(text)


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)
