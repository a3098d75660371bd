# SPDX-License-Identifier: Apache-2.0
"""The import system that one program sees: its own files, the old names, then everything else."""

from __future__ import annotations

import builtins
import importlib.util
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from qruntime.core.programs import ProgramSource
from qruntime.program.legacy import table
from qruntime.program.legacy.overlay import Overlay
from qruntime.program.legacy.rewrite import HELPER, compile_program

MAIN = "program"
"""The name of the module that holds ``main``: it shows in messages and tracebacks."""


class ProgramImports:
    """Executes the modules of one program, which lie in ``folder``.

    They live in a table of their own, not in ``sys.modules``: programs with files of equal names do
    not meet, and what a program imports under old names is seen by its own files only. So are
    ``replacements``: what they get for a name of a module, such as ``("qiskit", "transpile")``.
    """

    def __init__(
        self,
        source: ProgramSource,
        folder: Path,
        replacements: Mapping[tuple[str, str], Any] | None = None,
    ) -> None:
        self.modules: dict[str, ModuleType] = {}
        self._source = source
        self._folder = folder
        self._overlay = Overlay(replacements)
        self._lock = threading.RLock()
        self._visible = 0
        self._shown: dict[str, ModuleType] = {}
        here = source.entry_point.rpartition("/")[0]
        self._roots = tuple(dict.fromkeys((here, "")))
        self._tops = frozenset(_tops(source.files, self._roots))
        self._builtins = {**vars(builtins), "__import__": self.import_module, HELPER: _attribute}

    def run_main(self) -> ModuleType:
        """Execute the entry point as the module ``program`` and return it."""
        path = self._source.entry_point
        module = self._new_module(MAIN, path, package=False)
        alias = path.rpartition("/")[2].removesuffix(".py")
        self.modules[MAIN] = self.modules[alias] = module
        self._show(MAIN, module)
        self._execute(module, path)
        return module

    def import_module(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002  the signature of __import__
        locals: Mapping[str, Any] | None = None,  # noqa: A002  the signature of __import__
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Do what an import statement in the program asks for, as ``__import__`` does."""
        wanted = tuple(fromlist or ())
        if level:
            return self._import_relative(name, globals or {}, wanted, level)
        top = name.partition(".")[0]
        if self._owns(top):
            return self._import_own(name, wanted)
        if top in table.ROOTS:
            module = self._import_overlaid(name, wanted)
            if module is not None:
                return module
        imported: ModuleType = builtins.__import__(name, globals, locals, wanted, 0)
        return imported

    @contextmanager
    def registered(self) -> Iterator[None]:
        """Enter the program's modules into ``sys.modules``, where nothing else has their names.

        Data classes, pickle and worker processes look a class's module up there.
        """
        self._visible += 1
        for name, module in list(self.modules.items()):
            self._show(name, module)
        try:
            yield
        finally:
            self._visible -= 1
            if not self._visible:
                for name, module in self._shown.items():
                    if sys.modules.get(name) is module:
                        del sys.modules[name]
                self._shown.clear()

    def _show(self, name: str, module: ModuleType) -> None:
        top = name.partition(".")[0]
        free = top in self._shown or not (top in sys.modules or _is_installed(top))
        if self._visible and free and name not in sys.modules:
            self._shown[name] = sys.modules[name] = module

    def _import_overlaid(self, name: str, wanted: tuple[str, ...]) -> ModuleType | None:
        if name.partition(".")[0] in table.PASSED_THROUGH:
            names = vars(builtins.__import__(name.partition(".")[0]))
            if "." in name or all(item == "*" or item in names for item in wanted):
                return None
        module = self._overlay.import_module(name, wanted)
        if wanted:
            return module if self._overlay.find(name) is module else None
        return self._overlay.find(name.partition(".")[0])

    def _owns(self, top: str) -> bool:
        return top in self.modules or (top in self._tops and self._locate(top) is not None)

    def _import_own(self, name: str, wanted: tuple[str, ...]) -> ModuleType:
        module = self._load(name)
        if not wanted:
            return self.modules[name.partition(".")[0]]
        names = getattr(module, "__all__", ()) if "*" in wanted else wanted
        for item in names:
            if not hasattr(module, item) and self._locate(f"{name}.{item}") is not None:
                self._load(f"{name}.{item}")
        return module

    def _import_relative(
        self, name: str, importer: Mapping[str, Any], wanted: tuple[str, ...], level: int
    ) -> ModuleType:
        package = str(importer.get("__package__") or "")
        parts = package.split(".") if package else []
        if level - 1 > len(parts):
            raise ImportError("attempted relative import beyond the top of the program")
        base = parts[: len(parts) - (level - 1)]
        if name:
            return self._import_own(".".join([*base, name]), wanted)
        if base:
            return self._import_own(".".join(base), wanted)
        holder = ModuleType("the top of the program")
        for item in wanted:
            vars(holder)[item] = self._load(item)
        return holder

    def _load(self, name: str) -> ModuleType:
        with self._lock:
            if name in self.modules:
                return self.modules[name]
            parent, _, child = name.rpartition(".")
            if parent:
                self._load(parent)
            path = self._locate(name)
            if path is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            module = self._run(name, path)
            if parent:
                setattr(self.modules[parent], child, module)
            return module

    def _run(self, name: str, path: str) -> ModuleType:
        package = not path.endswith(".py") or path.endswith("/__init__.py")
        module = self.modules[name] = self._new_module(name, path, package=package)
        self._show(name, module)
        if path.endswith(".py"):
            try:
                self._execute(module, path)
            except BaseException:
                self.modules.pop(name, None)
                if self._shown.pop(name, None) is not None:
                    sys.modules.pop(name, None)
                raise
        return module

    def _new_module(self, name: str, path: str, *, package: bool) -> ModuleType:
        module = ModuleType(name)
        place = self._folder / path
        module.__spec__ = ModuleSpec(name, None, origin=str(place), is_package=package)
        module.__package__ = name if package else name.rpartition(".")[0]
        if path.endswith(".py"):
            module.__file__ = str(place)
        if package:
            module.__path__ = [str(place.parent if path.endswith(".py") else place)]
        vars(module)["__builtins__"] = self._builtins
        return module

    def _execute(self, module: ModuleType, path: str) -> None:
        from qruntime.program.legacy.attributes import NAMES

        code = compile_program(self._source.files[path], str(self._folder / path), NAMES)
        exec(code, vars(module))  # noqa: S102  running the program is the purpose

    def _locate(self, name: str) -> str | None:
        """Return the path of a module's file or folder, or None if it is not the program's."""
        files = self._source.files
        inner = name.replace(".", "/")
        for root in self._roots:
            place = f"{root}/{inner}" if root else inner
            for path in (f"{place}/__init__.py", f"{place}.py"):
                if path in files:
                    return path
        for root in self._roots:
            place = f"{root}/{inner}" if root else inner
            if any(path.startswith(f"{place}/") and path.endswith(".py") for path in files):
                return None if "." not in name and _is_installed(name) else place
        return None


def _tops(paths: Iterable[str], roots: tuple[str, ...]) -> Iterator[str]:
    for path in paths:
        for root in roots:
            if not root or path.startswith(f"{root}/"):
                inner = path[len(root) + 1 :] if root else path
                yield inner.partition("/")[0].removesuffix(".py")


def _is_installed(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _attribute(owner: Any, name: str) -> Any:
    from qruntime.program.legacy.attributes import attribute

    return attribute(owner, name)
