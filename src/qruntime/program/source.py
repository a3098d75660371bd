# SPDX-License-Identifier: Apache-2.0
"""Program sources: read from a file, a folder, a zip or text, and written to disk again."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from qruntime.core.programs import ProgramSource
from qruntime.errors import InvalidProgramError, nearest
from qruntime.program.archive import is_zip, read_zip
from qruntime.program.source_limits import MAX_BYTES, MAX_FILES, Tally, safe_path

_USUAL_ENTRY_POINTS = ("program.py", "main.py")
_IGNORED_FOLDERS = frozenset({"__pycache__", "__MACOSX", "node_modules", "venv", "env"})
_LONGEST_PATH = 4096


def read_source(
    data: str | os.PathLike[str] | bytes, *, entry_point: str | None = None
) -> ProgramSource:
    """Read a program: a Python file, a folder, a zip file (a path or its bytes), or source text.

    A ``str`` is source text if it has a line break or cannot be a path, else a path. Hidden files,
    caches and virtual environments are left out. Without ``entry_point`` a program of several files
    starts in ``program.py``, else ``main.py``, else its only Python file, else the only one at the
    top that defines ``main``.

    Raises InvalidProgramError, which says what is wrong with the source.
    """
    if isinstance(data, bytes):
        files = _files_of_zip(data) if is_zip(data) else {_named(entry_point): _text(data)}
        return _source(files, entry_point, "the zip" if is_zip(data) else "the source")
    if isinstance(data, str) and _is_source_text(data):
        return _source({_named(entry_point): data.encode()}, entry_point, "the source")
    if not isinstance(data, str | os.PathLike):
        raise InvalidProgramError(
            "a program is given as a path (a Python file, a folder or a zip file), as source "
            f"text or as bytes, not as {type(data).__name__}"
        )
    return _read_path(Path(data).expanduser(), entry_point)


def write_source(source: ProgramSource, folder: Path) -> None:
    """Write a program's files below a folder, which is made if it does not exist.

    Raises InvalidProgramError if a path leads out of the folder.
    """
    paths = {path: safe_path(path) for path in source.files}
    for path, content in source.files.items():
        target = folder.joinpath(*paths[path].parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _read_path(path: Path, entry_point: str | None) -> ProgramSource:
    if path.is_dir():
        return _source(_files_of_folder(path), entry_point, f"the folder {path.name!r}")
    if not path.is_file():
        raise InvalidProgramError(f"no such file or folder: {str(path)!r}{_similar(path)}")
    if path.stat().st_size > MAX_BYTES:
        raise InvalidProgramError(f"{path.name!r} is larger than {MAX_BYTES // 10**6} MB")
    content = path.read_bytes()
    if is_zip(content):
        return _source(_files_of_zip(content), entry_point, f"the zip {path.name!r}")
    if path.suffix != ".py":
        raise InvalidProgramError(
            f"{path.name!r} is no program: a Python file (.py), a folder or a zip file is needed"
        )
    return _source({path.name: content}, entry_point, f"the file {path.name!r}")


def _is_source_text(data: str) -> bool:
    if "\n" in data or "\r" in data:
        return True
    if "\0" in data or len(data) > _LONGEST_PATH:
        raise InvalidProgramError("this text is neither a path nor the source of a program")
    if data.endswith((".py", ".zip")) or _exists(data):
        return False
    return any(mark in data for mark in ("def main", "main =", "main=", "import "))


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError):
        return False


def _similar(path: Path) -> str:
    try:
        return nearest(path.name, [item.name for item in path.parent.iterdir()])
    except OSError:
        return ""


def _named(entry_point: str | None) -> str:
    return entry_point or "program.py"


def _text(data: bytes) -> bytes:
    if b"\0" in data:
        raise InvalidProgramError("these bytes are neither a zip file nor the source of a program")
    return data


def _files_of_zip(data: bytes) -> dict[str, bytes]:
    files = {path: content for path, content in read_zip(data).items() if not _ignored(path)}
    return _without_common_folder(files)


def _without_common_folder(files: Mapping[str, bytes]) -> dict[str, bytes]:
    tops = {path.partition("/")[0] for path in files}
    if len(tops) != 1 or any("/" not in path for path in files):
        return dict(files)
    return {path.partition("/")[2]: content for path, content in files.items()}


def _files_of_folder(folder: Path) -> dict[str, bytes]:
    tally = Tally()
    files = {}
    for path in sorted(_walk(folder)):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise InvalidProgramError(f"{name!r} is a link that leads out of the program's folder")
        tally.add(name, path.stat().st_size)
        files[name] = path.read_bytes()
    return files


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        here = Path(root)
        kept = [name for name in folders if not _ignored(name)]
        folders[:] = [name for name in kept if not (here / name / "pyvenv.cfg").exists()]
        for name in names:
            path = here / name
            if not _ignored(name) and path.is_file():
                yield path


def _ignored(path: str) -> bool:
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith(".") or part in _IGNORED_FOLDERS for part in parts)
    return hidden or path.endswith((".pyc", ".pyo"))


def _source(files: Mapping[str, bytes], entry_point: str | None, what: str) -> ProgramSource:
    scripts = [path for path in files if path.endswith(".py")]
    if not scripts:
        raise InvalidProgramError(f"{what} holds no Python file")
    if entry_point is None:
        return ProgramSource(files, _find_entry_point(files, scripts, what))
    path = safe_path(entry_point).as_posix()
    if path not in files:
        raise InvalidProgramError(
            f"{what} has no entry point {entry_point!r}{nearest(entry_point, scripts)}; "
            f"Python files: {_listed(scripts)}"
        )
    return ProgramSource(files, path)


def _find_entry_point(files: Mapping[str, bytes], scripts: list[str], what: str) -> str:
    for name in _USUAL_ENTRY_POINTS:
        if name in files:
            return name
    if len(scripts) == 1:
        return scripts[0]
    candidates = [path for path in scripts if "/" not in path and _defines_main(files[path])]
    if len(candidates) == 1:
        return candidates[0]
    found = (
        f"{_listed(candidates)} define main" if candidates else "no file at its top defines main"
    )
    raise InvalidProgramError(
        f"{what} has no program.py or main.py, and {found}: name the entry point; "
        f"Python files: {_listed(scripts)}"
    )


def _defines_main(content: bytes) -> bool:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)


def _listed(paths: list[str]) -> str:
    shown = ", ".join(sorted(paths)[:10])
    return f"{shown}, ..." if len(paths) > 10 else shown


__all__ = ["MAX_BYTES", "MAX_FILES", "read_source", "write_source"]
