# SPDX-License-Identifier: Apache-2.0
"""The modules that one program sees under old names; nothing of it is visible to anybody else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from qruntime.errors import MissingDependencyError
from qruntime.program.legacy import table

_MISSING: Any = object()
_KNOWN = (table.ALIASES, table.MODULES, table.ADDED, table.FALLBACKS)


class Overlay:
    """Resolves module names as of 2021-2023; each program has its own.

    ``replacements`` are given instead of what a module has today: (module, name) to object.
    """

    def __init__(self, replacements: Mapping[tuple[str, str], Any] | None = None) -> None:
        self.replacements = dict(replacements or {})
        self._touched = {prefix for name, _ in self.replacements for prefix in _prefixes(name)}
        self._modules: dict[str, OverlaidModule] = {}

    def import_module(self, name: str, wanted: Iterable[str] = ()) -> ModuleType:
        """Return the module of this name, from which ``wanted`` names are to be taken.

        Raises ImportError, with the reason where one is known.
        """
        for item in (name, *(f"{name}.{attribute}" for attribute in wanted)):
            self._refuse(item)
        module = self.find(name)
        if module is None:
            return importlib.import_module(name)
        real = module.load()
        for attribute in wanted:
            if attribute == "*" or module.find(attribute) is not _MISSING:
                continue
            if real is None and name in table.EXTRAS:
                extra = table.EXTRAS[name]
                message = f"'{name}.{attribute}' needs {name}: pip install 'qruntime[{extra}]'"
                raise MissingDependencyError(message)
            self._import_submodule(name, attribute)
        return module

    def find(self, name: str) -> OverlaidModule | None:
        """Return the overlaid module of this name, or None for one that needs no overlay."""
        if name not in self._modules:
            target = _target(name)
            if not (target != name or name in self._touched or _is_touched(name)):
                return None
            self._modules[name] = OverlaidModule(name, target, self)
        return self._modules[name]

    def _import_submodule(self, name: str, attribute: str) -> None:
        full_name = f"{name}.{attribute}"
        try:
            self.import_module(full_name)
        except ModuleNotFoundError as error:
            if error.name not in (full_name, _target(full_name)):
                raise

    def _refuse(self, name: str) -> None:
        for refused in _prefixes(name):
            if refused in table.REFUSED:
                raise MissingDependencyError(f"no {refused!r}: {table.REFUSED[refused]}")


class OverlaidModule(ModuleType):
    """A module with the names it has today and those it once had; today's come first."""

    def __init__(self, name: str, target: str | None, overlay: Overlay) -> None:
        super().__init__(name)
        self._target = target
        self._overlay = overlay
        self._names = {**table.MODULES.get(name, {}), **table.ADDED.get(name, {})}

    def load(self) -> ModuleType | None:
        """Import the module behind this one, if there is one."""
        if self._target is None:
            return None
        try:
            return importlib.import_module(self._target)
        except ModuleNotFoundError as error:
            _name_extra(error, self.__name__)
            if error.name == self._target and self.__name__ in table.ADDED:
                return None
            raise

    def find(self, attribute: str) -> Any:
        """Return what the module has under a name, or a mark that it has nothing."""
        replaced = self._overlay.replacements.get((self.__name__, attribute), _MISSING)
        if replaced is not _MISSING:
            return replaced
        full_name = f"{self.__name__}.{attribute}"
        real = self.load()
        if real is not None and attribute in vars(real):
            return self._wrap(vars(real)[attribute], full_name)
        for find in (self._find_added, self._find_module, self._find_elsewhere):
            found = find(attribute, full_name)
            if found is not _MISSING:
                return found
        return _MISSING if real is None else getattr(real, attribute, _MISSING)

    def __getattr__(self, attribute: str) -> Any:
        found = self._stars() if attribute == "__all__" else self.find(attribute)
        if found is _MISSING:
            reason = table.REFUSED.get(f"{self.__name__}.{attribute}")
            why = f": {reason}" if reason else ""
            raise AttributeError(
                f"module {self.__name__!r} has no attribute {attribute!r}{why}",
                name=attribute,
                obj=self,
            )
        return found

    def __dir__(self) -> list[str]:
        real = self.load()
        return sorted({*vars(self), *self._names, *(dir(real) if real else ())})

    def _stars(self) -> list[str]:
        real = self.load()
        public = [name for name in vars(real or self) if not name.startswith("_")]
        own = [name for name in self._names if not name.startswith("_")]
        return [*getattr(real, "__all__", public), *own]

    def _wrap(self, value: Any, full_name: str) -> Any:
        if isinstance(value, ModuleType):
            return self._overlay.find(full_name) or value
        hidden = sys.modules.get(full_name)
        if hidden is not None and full_name.startswith(table.SHADOWED) and callable(value):
            return ShadowedModule(hidden, value)
        return value

    def _find_added(self, attribute: str, full_name: str) -> Any:
        if self.__name__ == "numpy":
            from qruntime.program.legacy import numpy_names

            return numpy_names.NAMES.get(attribute, lambda: _MISSING)()
        if attribute not in self._names:
            return _MISSING
        return resolve(self._names[attribute], full_name)

    def _find_module(self, _attribute: str, full_name: str) -> Any:
        if full_name in table.REFUSED or not any(full_name in names for names in _KNOWN):
            return _MISSING
        module = self._overlay.find(full_name)
        return _MISSING if module is None else module

    def _find_elsewhere(self, attribute: str, full_name: str) -> Any:
        if self.__name__ not in table.FALLBACKS or not attribute.startswith("Fake"):
            return _MISSING
        other = resolve(table.FALLBACKS[self.__name__], full_name)
        return getattr(other, attribute, getattr(other, f"{attribute}V2", _MISSING))


class ShadowedModule(ModuleType):
    """A module whose name its package now gives to a function: both at once."""

    def __init__(self, module: ModuleType, function: Callable[..., Any]) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._function(*args, **kwargs)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._module, attribute)


def resolve(place: str, asked: str) -> Any:
    """Return the object at ``module:name``, or the module; ``asked`` is the name it is given for.

    Raises MissingDependencyError that says how to install an optional package.
    """
    module_name, _, attribute = place.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        _name_extra(error, asked)
        raise
    return getattr(module, attribute) if attribute else module


def _name_extra(error: ModuleNotFoundError, asked: str) -> None:
    extra = table.EXTRAS.get(error.name or "")
    if extra and asked.partition(".")[0] != error.name:
        raise MissingDependencyError(
            f"{asked!r} needs {error.name}: pip install 'qruntime[{extra}]'"
        ) from error


def _target(name: str) -> str | None:
    """Return the module of today behind a name; None for one that is made of single names."""
    if name in table.MODULES:
        return None
    for prefix in _prefixes(name):
        if prefix in table.ALIASES:
            return table.ALIASES[prefix] + name[len(prefix) :]
    return name


def _is_touched(name: str) -> bool:
    below = f"{name}."
    inside = any(known.startswith(below) for names in _KNOWN for known in names)
    return inside or name in table.ADDED or name in table.FALLBACKS or name == table.SHADOWED


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
