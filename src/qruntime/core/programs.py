# SPDX-License-Identifier: Apache-2.0
"""Programs: their source, their metadata, and the two together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from qruntime.core.jobs import LOCAL_USER

JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProgramSource:
    """The files of a program by their path inside it (``/`` between parts), and where it starts.

    ``lock`` is what the declared dependencies came to when the program was uploaded: names, exact
    versions, hashes. The runtime finds it; it is empty where nothing is needed.
    """

    files: Mapping[str, bytes]
    entry_point: str
    lock: str = ""

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


def version_of(source: ProgramSource, metadata: ProgramMetadata) -> str:
    """Return the digest of a program's whole content with its lock: the name of its version."""
    said = json.dumps(asdict(metadata), sort_keys=True, default=dict)
    lock = f"\0{source.lock}" if source.lock else ""
    return hashlib.sha256(f"{source.digest}\0{said}{lock}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ProgramVersion:
    """One content of a program, which never changes.

    ``version`` is the digest of its source and metadata, ``number`` counts a program's versions
    from 1. ``source`` is None where it was not asked for.
    """

    program_id: str
    version: str
    number: int
    metadata: ProgramMetadata
    created: datetime
    source: ProgramSource | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A program that the runtime holds. ``current`` is the version that jobs get who name none.

    ``tags`` name versions: tag to digest. A ``public`` program may be run by everybody, and changed
    by its owner alone.
    """

    program_id: str
    current: ProgramVersion
    created: datetime
    updated: datetime
    owner: str = LOCAL_USER
    public: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def metadata(self) -> ProgramMetadata:
        """The metadata of the current version."""
        return self.current.metadata

    @property
    def source(self) -> ProgramSource:
        """The source of the current version, where it was asked for."""
        assert self.current.source is not None
        return self.current.source


@dataclass(frozen=True, slots=True)
class ProgramQuery:
    """Which programs to list, in the order of their upload; what is None or empty does not narrow.

    ``visible_to`` asks for the user's own and the public ones. ``search`` is looked for in id, name
    and description, in any case. ``after`` is the last program's id of the page before.
    """

    visible_to: str | None = None
    search: str = ""
    after: str | None = None
    limit: int | None = None
