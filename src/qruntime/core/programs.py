# SPDX-License-Identifier: Apache-2.0
"""Programs: their source, their metadata, and the two together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProgramSource:
    """The files of a program by their path inside it (``/`` between parts), and where it starts."""

    files: Mapping[str, bytes]
    entry_point: str

    @property
    def digest(self) -> str:
        """SHA-256 of the whole content, in hexadecimal: equal for equal programs anywhere."""
        digest = hashlib.sha256(self.entry_point.encode())
        for path in sorted(self.files):
            content = self.files[path]
            digest.update(f"\0{path}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """What a program needs and exchanges: JSON Schemas; an empty one accepts everything."""

    backend_requirements: Mapping[str, Any] = field(default_factory=dict)
    parameters: JsonSchema = field(default_factory=dict)
    return_values: JsonSchema = field(default_factory=dict)
    interim_results: JsonSchema = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProgramMetadata:
    """What an author says of a program. ``max_execution_time`` is in seconds; None is no limit."""

    name: str
    description: str = ""
    max_execution_time: int | None = None
    spec: ProgramSpec = field(default_factory=ProgramSpec)


@dataclass(frozen=True, slots=True)
class Program:
    """A program that the runtime holds."""

    program_id: str
    source: ProgramSource
    metadata: ProgramMetadata
    created: datetime
    updated: datetime
