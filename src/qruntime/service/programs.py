# SPDX-License-Identifier: Apache-2.0
"""Upload, look up, update and delete programs."""

from __future__ import annotations

import re
from dataclasses import replace

from qruntime.core.programs import Program, ProgramMetadata, ProgramSource
from qruntime.errors import InvalidProgramError
from qruntime.program.checks import check_program
from qruntime.store.memory import MemoryStore

_LONGEST_NAME = 128


def upload_program(store: MemoryStore, source: ProgramSource, metadata: ProgramMetadata) -> Program:
    """Check a program and hold it under an id made from its name.

    Raises:
        InvalidProgramError: the source cannot be a program, or the name makes no id.
        DuplicateProgramError: the id is taken.
    """
    check_program(source)
    now = store.now()
    program = Program(program_id_of(metadata.name), source, metadata, created=now, updated=now)
    store.add_program(program)
    return program


def update_program(
    store: MemoryStore,
    program_id: str,
    *,
    source: ProgramSource | None = None,
    metadata: ProgramMetadata | None = None,
) -> Program:
    """Replace a program's source, its metadata, or both; jobs that exist keep what they had.

    Raises:
        ProgramNotFoundError: there is none of this id.
        InvalidProgramError: the source cannot be a program.
    """
    program = store.program(program_id)
    if source is not None:
        check_program(source)
        program = replace(program, source=source)
    if metadata is not None:
        program = replace(program, metadata=metadata)
    program = replace(program, updated=store.now())
    store.put_program(program)
    return program


def program_id_of(name: str) -> str:
    """Return the id that a program of this name gets: lower case, words joined by hyphens.

    Raises:
        InvalidProgramError: nothing of the name is left, or it is too long.
    """
    slug = re.sub(r"[^a-z0-9_.]+", "-", name.lower()).strip("-.")
    if not slug or len(slug) > _LONGEST_NAME:
        raise InvalidProgramError(
            f"program name {name!r} makes no id: it needs letters or digits, at most "
            f"{_LONGEST_NAME} of them"
        )
    return slug
