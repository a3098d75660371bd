# SPDX-License-Identifier: Apache-2.0
"""Upload, look up, update and delete programs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import replace

from qruntime.core.programs import (
    Program,
    ProgramMetadata,
    ProgramQuery,
    ProgramSource,
    ProgramVersion,
    version_of,
)
from qruntime.core.users import Scope
from qruntime.environments.installed import Resolve, use_what_is_here
from qruntime.errors import (
    DuplicateProgramError,
    InvalidInputError,
    InvalidProgramError,
    ProgramNotFoundError,
)
from qruntime.program.checks import check_program
from qruntime.service.access import Caller, need, own_program, see_program
from qruntime.store.base import Store

LATEST = "latest"
"""The name of a program's current version."""

TryImport = Callable[[ProgramSource], None]

_LONGEST_NAME = 128
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHORTEST_DIGEST = 8


def upload_program(
    store: Store,
    caller: Caller,
    source: ProgramSource,
    metadata: ProgramMetadata,
    *,
    public: bool = False,
    try_import: TryImport = check_program,
    resolve: Resolve = use_what_is_here,
) -> Program:
    """Check a program, lock what it declares, and hold it under an id made from its name.

    An id that another user has gets an addition, which does not tell whose it is. ``try_import``
    is what looks at the source; it raises InvalidProgramError for one that cannot be a program.

    Raises:
        InvalidProgramError: the source cannot be a program, what it declares cannot be had, or the
            name makes no id.
        DuplicateProgramError: the caller has a program of this id.
    """
    need(caller, Scope.PROGRAMS)
    program_id = program_id_of(metadata.name)
    source = _locked(source, resolve)
    try_import(source)
    now = store.now()
    version = ProgramVersion(
        program_id, version_of(source, metadata), 1, metadata, created=now, source=source
    )
    program = Program(program_id, version, now, now, owner=caller.user_id, public=public)
    try:
        store.add_program(program)
    except DuplicateProgramError:
        if store.program(program_id).owner == caller.user_id:
            raise
        program_id = f"{program_id}-{secrets.token_hex(3)}"  # the name is another user's
        own = replace(version, program_id=program_id)
        program = replace(program, program_id=program_id, current=own)
        store.add_program(program)
    return program


def update_program(
    store: Store,
    caller: Caller,
    program_id: str,
    *,
    source: ProgramSource | None = None,
    metadata: ProgramMetadata | None = None,
    try_import: TryImport = check_program,
    resolve: Resolve = use_what_is_here,
) -> Program:
    """Make a new version with another source, other metadata, or both; it becomes the current one.

    Jobs that exist keep the version that they have.

    Raises:
        ProgramNotFoundError: there is none of this id.
        InvalidProgramError: the source cannot be a program, or what it declares cannot be had.
        NotAuthorizedError: it is another user's.
    """
    need(caller, Scope.PROGRAMS)
    own_program(caller, store.program(program_id))
    if source is not None:
        source = _locked(source, resolve)
        try_import(source)

    def change(program: Program) -> Program:
        new_source = source or program.source
        new_metadata = metadata or program.metadata
        version = ProgramVersion(
            program_id,
            version_of(new_source, new_metadata),
            program.current.number + 1,
            new_metadata,
            created=store.now(),
            source=new_source,
        )
        return replace(program, current=version)

    return _change(store, caller, program_id, change)


def _locked(source: ProgramSource, resolve: Resolve) -> ProgramSource:
    check_program(source)
    return replace(source, lock=resolve(source))


def roll_back(store: Store, caller: Caller, program_id: str, version: str) -> Program:
    """Make an earlier version the current one; ``version`` is as in ``find_version``.

    Raises:
        ProgramNotFoundError: there is no such program or version.
        NotAuthorizedError: it is another user's.
    """
    found = find_version(store, caller, program_id, version)
    return _change(store, caller, program_id, lambda program: replace(program, current=found))


def set_public(store: Store, caller: Caller, program_id: str, *, public: bool) -> Program:
    """Let everybody run a program, or its owner alone.

    Raises:
        ProgramNotFoundError: there is none of this id.
        NotAuthorizedError: it is another user's.
    """
    return _change(store, caller, program_id, lambda program: replace(program, public=public))


def set_tag(
    store: Store, caller: Caller, program_id: str, tag: str, version: str | None
) -> Program:
    """Let a tag name a version, or, with None, nothing any more.

    Raises:
        InvalidInputError: it cannot be a tag.
        ProgramNotFoundError: there is no such program or version.
        NotAuthorizedError: it is another user's.
    """
    if not _TAG.fullmatch(tag) or tag == LATEST or tag.isdigit():
        raise InvalidInputError(
            f"{tag!r} cannot be a tag: letters, digits, '.', '_' and '-', at most 64, not only "
            f"digits, and not '{LATEST}'"
        )
    digest = None if version is None else find_version(store, caller, program_id, version).version

    def change(program: Program) -> Program:
        others = {name: held for name, held in program.tags.items() if name != tag}
        return replace(program, tags=others if digest is None else {**others, tag: digest})

    return _change(store, caller, program_id, change)


def _change(
    store: Store, caller: Caller, program_id: str, change: Callable[[Program], Program]
) -> Program:
    need(caller, Scope.PROGRAMS)
    while True:
        before = store.program(program_id, with_source=True)
        own_program(caller, before)
        after = replace(change(before), updated=store.now())
        if store.put_program(after, expected=before):
            return store.program(program_id, with_source=True)


def find_program(
    store: Store, caller: Caller, program_id: str, *, with_source: bool = False
) -> Program:
    """Return a program that the caller may run.

    Raises:
        ProgramNotFoundError: there is none of this id.
    """
    need(caller, Scope.READ)
    return see_program(caller, store.program(program_id, with_source=with_source))


def list_programs(store: Store, caller: Caller, query: ProgramQuery) -> list[Program]:
    """Return the programs of a query that the caller may run."""
    need(caller, Scope.READ)
    visible_to = query.visible_to if caller.admin else caller.user_id
    return store.programs(replace(query, visible_to=visible_to))


def find_version(
    store: Store, caller: Caller, program_id: str, version: str = LATEST
) -> ProgramVersion:
    """Return a version with its source.

    ``version`` is ``latest``, a tag, a number, a digest or the beginning of one (eight characters).

    Raises:
        ProgramNotFoundError: there is no such program or version.
    """
    program = find_program(store, caller, program_id)
    return store.version(program_id, _digest_of(store, program, version))


def runnable_version(
    store: Store, caller: Caller, program_id: str, version: str = LATEST
) -> ProgramVersion:
    """Return what ``find_version`` does, but of the current version not its source.

    Raises:
        ProgramNotFoundError: there is no such program or version.
    """
    program = find_program(store, caller, program_id)
    if version == LATEST:
        return program.current
    return store.version(program_id, _digest_of(store, program, version))


def _digest_of(store: Store, program: Program, version: str) -> str:
    if version == LATEST:
        return program.current.version
    if version in program.tags:
        return program.tags[version]
    held = store.versions(program.program_id)
    found = [
        item.version
        for item in held
        if version == str(item.number)
        or (len(version) >= _SHORTEST_DIGEST and item.version.startswith(version))
    ]
    if not found:
        known = ", ".join([LATEST, *sorted(program.tags), *(str(item.number) for item in held)])
        raise ProgramNotFoundError(
            f"program '{program.program_id}' has no version '{version}'; known: {known}"
        )
    return found[0]


def list_versions(store: Store, caller: Caller, program_id: str) -> list[ProgramVersion]:
    """Return a program's versions without their sources, the newest first.

    Raises:
        ProgramNotFoundError: there is none of this id.
    """
    find_program(store, caller, program_id)
    return store.versions(program_id)


def delete_program(store: Store, caller: Caller, program_id: str) -> None:
    """Delete a program; its jobs keep the versions that they have.

    Raises:
        ProgramNotFoundError: there is none of this id.
        NotAuthorizedError: it is another user's.
    """
    need(caller, Scope.PROGRAMS)
    own_program(caller, store.program(program_id))
    store.delete_program(program_id)


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
