# SPDX-License-Identifier: Apache-2.0
"""Loads programs: checks their source, executes it, and checks the inputs of ``main``."""

from __future__ import annotations

import inspect
import linecache
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidInputError, InvalidProgramError, MissingDependencyError, nearest
from qruntime.program.checks import check_program
from qruntime.program.imports import ProgramImports
from qruntime.program.source import write_source
from qruntime.program.traces import program_traceback

_NEEDED = "main(backend, user_messenger, **inputs)"
_OLD_NAMESPACE = "_ParameterNamespace__"
_loading = threading.RLock()


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A program that has been executed: its module and its ``main``."""

    module: ModuleType
    main: Callable[..., Any]
    folder: Path
    imports: ProgramImports

    def registered(self) -> AbstractContextManager[None]:
        """Keep the program's modules in ``sys.modules`` meanwhile.

        For a process that runs this program alone: pickle and process pools need it.
        """
        return self.imports.registered()


def load_program(
    source: ProgramSource,
    folder: Path,
    replacements: Mapping[tuple[str, str], Any] | None = None,
) -> LoadedProgram:
    """Write a program into a folder, execute its entry point as ``program`` and find its ``main``.

    ``replacements`` are what the program's own imports get for (module, name).

    Raises InvalidProgramError if it cannot be loaded; the message ends in the program's own
    traceback, and the cause is the exception.
    """
    check_program(source)
    folder = folder.resolve()
    write_source(source, folder)
    linecache.checkcache()
    imports = ProgramImports(source, folder, replacements)
    try:
        with _loading, imports.registered():
            module = imports.run_main()
    except (Exception, SystemExit) as error:
        trace = program_traceback(error, folder)
        message = f"the program cannot be imported: {_reason(error)}\n{trace}"
        raise InvalidProgramError(message) from error
    return LoadedProgram(module, _find_main(module, source.entry_point), folder, imports)


def check_main(main: Callable[..., Any]) -> None:
    """Check that a function can be a program's ``main``.

    Raises InvalidProgramError, which says what it has and what is needed.
    """
    name = getattr(main, "__qualname__", type(main).__name__)
    if inspect.iscoroutinefunction(main) or inspect.isasyncgenfunction(main):
        raise InvalidProgramError(f"{name} is async; needed: def {_NEEDED}")
    _check_signature(main, name)


def check_inputs(main: Callable[..., Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that ``main`` is to be called with, after its backend and messenger.

    What old clients add (``_ParameterNamespace__...``) is dropped.

    Raises InvalidInputError, which names unknown and missing inputs and lists the allowed ones.
    """
    given = {key: value for key, value in inputs.items() if not key.startswith(_OLD_NAMESPACE)}
    parameters = list(inspect.signature(main).parameters.values())
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    taken = {p.name for p in by_place[:2] if p.kind is not p.POSITIONAL_ONLY}
    allowed = {p.name: p.default is p.empty for p in [*by_place[2:], *by_name]}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    problems = [f"{name!r} is given by the runtime" for name in given if name in taken]
    if not open_ended:
        unknown = [name for name in given if name not in allowed and name not in taken]
        problems += [f"unknown input {name!r}{nearest(name, allowed)}" for name in unknown]
    missing = [name for name, required in allowed.items() if required and name not in given]
    problems += [f"input {name!r} is missing" for name in missing]
    if problems:
        raise InvalidInputError(f"{'; '.join(problems)}. {_describe(allowed, open_ended)}")
    return given


def _describe(allowed: Mapping[str, bool], open_ended: bool) -> str:
    names = [name if required else f"{name} (optional)" for name, required in allowed.items()]
    if open_ended:
        names.append("any other")
    return f"Inputs of this program: {', '.join(names) or 'none'}"


def _reason(error: BaseException) -> str:
    if isinstance(error, MissingDependencyError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"no module {error.name!r} is installed for programs"
    if isinstance(error, SystemExit):
        return "it ends the interpreter while it is imported"
    return f"{type(error).__name__} while its code was executed"


def _find_main(module: ModuleType, entry_point: str) -> Callable[..., Any]:
    main = getattr(module, "main", None)
    if not callable(main):
        raise InvalidProgramError(f"{entry_point} defines no function main; needed: {_NEEDED}")
    if inspect.iscoroutinefunction(main) or inspect.isasyncgenfunction(main):
        raise InvalidProgramError(f"main in {entry_point} is async; needed: def {_NEEDED}")
    _check_signature(main, entry_point)
    return main  # type: ignore[no-any-return]  # callable() does not narrow to Callable[..., Any]


def _check_signature(main: Callable[..., Any], entry_point: str) -> None:
    try:
        signature = inspect.signature(main)
    except (ValueError, TypeError) as error:
        message = f"main in {entry_point} has no signature that can be read; needed: {_NEEDED}"
        raise InvalidProgramError(message) from error
    try:
        signature.bind_partial(None, None)
    except TypeError as error:
        raise InvalidProgramError(
            f"{entry_point} has main{signature}; needed: {_NEEDED}"
        ) from error


__all__ = [
    "LoadedProgram",
    "check_inputs",
    "check_program",
    "load_program",
    "program_traceback",
]
