# SPDX-License-Identifier: Apache-2.0
"""What can be said of a program without executing it: it parses, and has a fitting ``main``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidProgramError

_NEEDED = "main(backend, user_messenger, **inputs)"
_Main = ast.FunctionDef | ast.AsyncFunctionDef | None


def check_program(source: ProgramSource) -> None:
    """Check that every Python file parses and that the entry point has a ``main`` to be called.

    Nothing is executed. Raises InvalidProgramError, with file, line and text of a syntax error, or
    with the signature that ``main`` has and the one that is needed.
    """
    trees = {
        path: _parse(content, path)
        for path, content in source.files.items()
        if path.endswith(".py")
    }
    if source.entry_point not in trees:
        raise InvalidProgramError(f"the entry point {source.entry_point!r} is no Python file of it")
    mains = list(_mains(trees[source.entry_point].body))
    if not mains:
        names = ", ".join(_functions(trees[source.entry_point])) or "none"
        raise InvalidProgramError(
            f"{source.entry_point} defines no main; needed: def {_NEEDED}; functions in it: {names}"
        )
    _check_main(mains[-1], source.entry_point)


def _parse(content: bytes, path: str) -> ast.Module:
    try:
        return ast.parse(content, path)
    except SyntaxError as error:
        where = f"line {error.lineno}" if error.lineno else "its encoding"
        line = f"\n    {error.text.strip()[:200]}" if error.text else ""
        raise InvalidProgramError(f"{path}, {where}: {error.msg}{line}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidProgramError(f"{path} cannot be parsed: {error}") from error


def _mains(body: list[ast.stmt]) -> Iterator[_Main]:
    """Yield what gives ``main`` a value at the top of a module: a function, or None for others."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            if statement.name == "main":
                yield statement
        elif _names_main(statement):
            yield None
        else:
            for field in ("body", "handlers", "orelse", "finalbody"):
                if not isinstance(statement, ast.ClassDef):
                    yield from _mains(getattr(statement, field, []))


def _names_main(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return any((alias.asname or alias.name) in ("main", "*") for alias in statement.names)
    if isinstance(statement, ast.ClassDef):
        return statement.name == "main"
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        found = (node for target in targets for node in ast.walk(target))
        return any(isinstance(node, ast.Name) and node.id == "main" for node in found)
    return False


def _functions(tree: ast.Module) -> list[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node.name for node in tree.body if isinstance(node, kinds)][:10]


def _check_main(main: _Main, path: str) -> None:
    if main is None or main.decorator_list:
        return
    has = f"{path}, line {main.lineno}: it has main({ast.unparse(main.args)})"
    if isinstance(main, ast.AsyncFunctionDef):
        raise InvalidProgramError(f"{has}, which is async; needed: def {_NEEDED}")
    positional = [*main.args.posonlyargs, *main.args.args]
    if len(positional) < 2 and main.args.vararg is None:
        raise InvalidProgramError(
            f"{has}, which does not take a backend and a user messenger; needed: {_NEEDED}"
        )
    by_place = main.args.posonlyargs[2:]
    defaults = len(main.args.defaults)
    if len(by_place) > 0 and len(positional) - defaults > 2:
        raise InvalidProgramError(
            f"{has}: {by_place[0].arg!r} cannot be given by name, as inputs are; needed: {_NEEDED}"
        )
