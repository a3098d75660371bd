# SPDX-License-Identifier: Apache-2.0
"""Backends by name, from every installed package that offers some."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from qiskit.providers import BackendV2

from qruntime.errors import (
    BackendNotFoundError,
    InvalidInputError,
    MissingDependencyError,
    nearest,
)
from qruntime.program.backend import ProgramBackend

BACKENDS_GROUP = "qruntime.backends"
CATALOGS_GROUP = "qruntime.backend_catalogs"


@dataclass(frozen=True, slots=True)
class Catalog:
    """A package's backends: their names, and how one is made.

    ``prefix`` says, without importing anything, which names could be of this catalogue.
    ``names`` may raise ``MissingDependencyError`` when an optional package is absent.
    """

    names: Callable[[], Iterable[str]]
    create: Callable[[str], ProgramBackend]
    prefix: str = ""


@dataclass(slots=True)
class BackendRegistry:
    """Finds backends by name. Each call of ``create`` gives a new one: options are never shared."""

    catalogs: list[Catalog] = field(default_factory=list)
    resolve: Callable[[str], ProgramBackend] | None = None
    """Makes a backend from a name with a colon; None where such names are not taken."""

    def names(self) -> list[str]:
        """Return the names of all backends that can be made here, sorted."""
        found: set[str] = set()
        for catalog in self.catalogs:
            try:
                found.update(catalog.names())
            except Exception:  # noqa: BLE001,S112  a broken package must not hide the others; create() tells
                continue
        return sorted(found)

    def create(self, name: str) -> ProgramBackend:
        """Return a new backend of this name.

        Raises:
            BackendNotFoundError: there is none; the message has the nearest names.
            MissingDependencyError: the name is that of an optional package's backend.
        """
        if self.resolve is not None and ":" in name:
            return self.resolve(name)
        missing: MissingDependencyError | None = None
        for catalog in self.catalogs:
            if not name.startswith(catalog.prefix):
                continue
            try:
                if name in catalog.names():
                    return catalog.create(name)
            except MissingDependencyError as error:
                missing = error
        if missing is not None:
            raise MissingDependencyError(f"no backend '{name}' here: {missing}") from missing
        known = self.names()
        hint = nearest(name, known) or f"; known: {', '.join(known) or 'none'}"
        raise BackendNotFoundError(f"no backend '{name}'{hint}")


def installed() -> BackendRegistry:
    """Return a registry of the backends of all installed packages.

    A package offers one backend through the entry point group ``qruntime.backends``: the entry's
    name is the backend's, and it leads to a function or class that takes no arguments and gives a
    ``ProgramBackend``. It offers many through ``qruntime.backend_catalogs``: the entry's name is
    the prefix that their names share, and it leads to a ``Catalog``.
    """
    single = [_single(entry) for entry in sorted(entry_points(group=BACKENDS_GROUP))]
    many = [_many(entry) for entry in sorted(entry_points(group=CATALOGS_GROUP))]
    return BackendRegistry(single + many)


def _single(entry: EntryPoint) -> Catalog:
    def create(name: str) -> ProgramBackend:
        return made_by(_load(entry), f"entry point '{name}' of {BACKENDS_GROUP}")

    return Catalog(names=lambda: (entry.name,), create=create, prefix=entry.name)


def _many(entry: EntryPoint) -> Catalog:
    def catalog() -> Catalog:
        loaded = _load(entry)
        if not isinstance(loaded, Catalog):
            raise InvalidInputError(
                f"entry point '{entry.name}' of {CATALOGS_GROUP} must be a Catalog, not a "
                f"{type(loaded).__name__}"
            )
        return loaded

    return Catalog(
        names=lambda: catalog().names(),
        create=lambda name: catalog().create(name),
        prefix=entry.name,
    )


def _load(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:  # another package's code: it must not take the other backends along
        raise MissingDependencyError(
            f"entry point '{entry.name}' of {entry.group} cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error


def made_by(factory: Any, source: str) -> ProgramBackend:
    """Return the backend that a class or function without arguments makes.

    Raises:
        InvalidInputError: it cannot be called so, raises, or gives something else.
    """
    if not callable(factory):
        raise InvalidInputError(f"{source} is a {type(factory).__name__}, which makes no backend")
    try:
        made = factory()
    except Exception as error:  # somebody else's code: its message is what the user needs
        reason = f"{type(error).__name__}: {error}"
        raise InvalidInputError(f"{source} could not make a backend: {reason}") from error
    return as_backend(made, source)


def with_own_options(backend: ProgramBackend) -> ProgramBackend:
    """Return the backend again with options of its own: what is set on one is not on the other."""
    made = copy.copy(backend)
    made._options = copy.copy(backend._options)
    return made


def as_backend(made: Any, source: str) -> ProgramBackend:
    """Return ``made`` if it is a ``ProgramBackend``; wrap any other Qiskit backend in one.

    Raises:
        InvalidInputError: it is not a backend; the message names its ``source``.
    """
    if isinstance(made, ProgramBackend):
        return made
    if isinstance(made, BackendV2):
        from qruntime.backends.provider import ProviderBackend

        return ProviderBackend(made)
    raise InvalidInputError(f"{source} gave a {type(made).__name__}, not a backend")


def from_reference(reference: str) -> ProgramBackend:
    """Return the backend that ``package.module:Class`` or ``path/to/file.py:Class`` names.

    ``Class`` may be a function too; it takes no arguments. This imports code that the caller
    names: it is for people at their own machine, never for what comes over a network.

    Raises:
        BackendNotFoundError: there is no such module, file or attribute.
    """
    place, _, attribute = reference.rpartition(":")
    try:
        module = _module_of_file(place) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:  # the code of whoever gave the name
        raise BackendNotFoundError(
            f"no backend '{reference}': {type(error).__name__}: {error}"
        ) from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        names = [name for name, value in vars(module).items() if callable(value)]
        raise BackendNotFoundError(
            f"no backend '{reference}': '{place}' has no class or function '{attribute}'"
            f"{nearest(attribute, names)}"
        )
    return made_by(factory, f"'{reference}'")


def _module_of_file(path: str) -> ModuleType:
    name = f"qruntime_backend_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"'{path}' is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up there
    spec.loader.exec_module(module)
    return module
