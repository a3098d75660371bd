# SPDX-License-Identifier: Apache-2.0
"""The dependencies that a program declares: the block of its entry point (PEP 723)."""

from __future__ import annotations

import io
import platform
import re
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidProgramError, nearest

MAX_DEPENDENCIES = 100

_KIND = "script"
_KEYS = ("requires-python", "dependencies", "tool")
_BEGIN = re.compile(r"# /// ([A-Za-z0-9-]+)")
_END = "# ///"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_ALLOWED = "a name with versions, such as 'networkx>=3,<4', of the index that the operator chose"


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a program declares: the Pythons that it runs on, and requirements in one spelling."""

    requires_python: str = ""
    requirements: tuple[str, ...] = ()


def dependencies_of(source: ProgramSource) -> Dependencies | None:
    """Return what a program's entry point declares; None if it has no block.

    Raises:
        InvalidProgramError: the block is broken, or asks for more than names and versions.
    """
    path = source.entry_point
    blocks = [
        text for kind, text in _blocks(_text(source.files[path], path), path) if kind == _KIND
    ]
    if not blocks:
        return None
    if len(blocks) > 1:
        raise InvalidProgramError(f"{path} has {len(blocks)} blocks '# /// script': one is allowed")
    try:
        held = tomllib.loads(blocks[0])
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidProgramError(
            f"{path}: its block '# /// script' is not TOML: {error}"
        ) from error
    return _read(held, path)


def check_python(declared: Dependencies, path: str) -> None:
    """Check that this Python is one that the program runs on.

    Raises:
        InvalidProgramError: it is not.
    """
    from packaging.specifiers import SpecifierSet

    here = platform.python_version()
    if not SpecifierSet(declared.requires_python).contains(here, prereleases=True):
        raise InvalidProgramError(
            f"{path} requires Python {declared.requires_python}; programs run on {here} here"
        )


def _text(content: bytes, path: str) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise InvalidProgramError(f"{path} cannot be decoded: {error}") from error


def _blocks(text: str, path: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the content of each block; it ends at the last end line of its comment."""
    lines = _LINE_BREAK.split(text)
    number = 0
    while number < len(lines):
        begin = _BEGIN.fullmatch(lines[number])
        number += 1
        if begin is None:
            continue
        after = number
        while after < len(lines) and (lines[after] == "#" or lines[after].startswith("# ")):
            after += 1
        ends = [place for place in range(number, after) if lines[place] == _END]
        if ends:
            yield begin[1], "\n".join(line[2:] for line in lines[number : ends[-1]])
            number = ends[-1] + 1
        elif begin[1] == _KIND:
            raise InvalidProgramError(
                f"{path}, line {number}: the block '# /// script' has no end: a line '# ///' after "
                "lines that all begin with '# '"
            )


def _read(held: dict[str, Any], path: str) -> Dependencies:
    where = f"{path}: block '# /// script'"
    for key in held:
        if key not in _KEYS:
            hint = nearest(key, _KEYS)
            raise InvalidProgramError(
                f"{where}: unknown key {key!r}{hint}; allowed: {', '.join(_KEYS)}"
            )
    tool = held.get("tool", {})
    if not isinstance(tool, dict) or "uv" in tool:
        raise InvalidProgramError(
            f"{where}: 'tool.uv' cannot be honoured: the operator says where packages come from"
        )
    given = held.get("dependencies", [])
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise InvalidProgramError(
            f"{where}: 'dependencies' must be a list of texts; each {_ALLOWED}"
        )
    if len(given) > MAX_DEPENDENCIES:
        raise InvalidProgramError(f"{where}: {MAX_DEPENDENCIES} dependencies are allowed at most")
    requirements = sorted({_requirement(item, where) for item in given})
    return Dependencies(_python(held.get("requires-python", ""), where), tuple(requirements))


def _python(value: Any, where: str) -> str:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return str(SpecifierSet(value)) if isinstance(value, str) else _refuse_python(value, where)
    except InvalidSpecifier:
        return _refuse_python(value, where)


def _refuse_python(value: object, where: str) -> str:
    raise InvalidProgramError(
        f"{where}: 'requires-python' must be versions such as '>=3.11', not {value!r:.80}"
    )


def _requirement(text: str, where: str) -> str:
    """Return a requirement in one spelling, which no installer can take for a path or an option."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        read = Requirement(text)
    except InvalidRequirement as error:
        raise InvalidProgramError(
            f"{where}: {text!r:.120} is no dependency; allowed: {_ALLOWED}"
        ) from error
    if read.url is not None:
        raise InvalidProgramError(
            f"{where}: {text!r:.120} names a place to load from; allowed: {_ALLOWED}"
        )
    extras = f"[{','.join(sorted(canonicalize_name(name) for name in read.extras))}]"
    marker = f" ; {read.marker}" if read.marker else ""
    return f"{canonicalize_name(read.name)}{extras if read.extras else ''}{read.specifier}{marker}"
