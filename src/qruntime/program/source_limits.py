# SPDX-License-Identifier: Apache-2.0
"""How large a program may be, and which paths its files may have."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from qruntime.errors import InvalidProgramError

MAX_FILES = 1_000
MAX_BYTES = 50_000_000


class Tally:
    """Counts files and bytes; raises InvalidProgramError as soon as a program is too large."""

    def __init__(self) -> None:
        self.files = 0
        self.bytes = 0

    def add(self, path: str, size: int) -> None:
        """Count one file."""
        self.files += 1
        self.bytes += size
        if self.files > MAX_FILES:
            raise InvalidProgramError(f"a program may have {MAX_FILES} files at most")
        if self.bytes > MAX_BYTES:
            raise InvalidProgramError(
                f"a program may have {MAX_BYTES // 10**6} MB at most; {path!r} passes this"
            )


def safe_path(path: str) -> PurePosixPath:
    """Return a path that stays inside the program; raises InvalidProgramError for any other."""
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise InvalidProgramError(f"the path {path!r} is absolute; it must lie inside the program")
    if "\\" in path or "\0" in path:
        raise InvalidProgramError(f"the path {path!r} has a backslash or a null character")
    parts = path.split("/")
    if ".." in parts:
        raise InvalidProgramError(f"the path {path!r} leads out of the program")
    kept = [part for part in parts if part not in ("", ".")]
    if not kept or any(len(part.encode(errors="replace")) > 255 for part in kept):
        raise InvalidProgramError(f"{path[:80]!r} is no path of a file")
    return PurePosixPath(*kept)
