# SPDX-License-Identifier: Apache-2.0
"""``/programs``: upload, look up, change, tag, roll back, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from qruntime.api.errors import CONFLICT
from qruntime.api.parts import CallerDep, PartsDep
from qruntime.core.programs import Program, ProgramQuery
from qruntime.errors import InvalidStateError
from qruntime.program.metadata import read_metadata, to_dict
from qruntime.service import programs
from qruntime.wire.schemas import (
    ProgramChange,
    ProgramDocument,
    ProgramUpload,
    VersionDocument,
    VersionReference,
)

router = APIRouter(prefix="/programs", tags=["programs"])

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
After = Annotated[str | None, Query(description="The last id of the page before.")]
IfMatch = Annotated[
    str | None, Header(description="The ETag that the program must have, or nothing is changed.")
]


@router.post("", status_code=201, responses=CONFLICT)
def upload_program(
    body: ProgramUpload, response: Response, parts: PartsDep, caller: CallerDep
) -> ProgramDocument:
    """Upload a program. Its id is made from its name."""
    metadata = read_metadata(body.metadata, default_name="program")
    program = programs.upload_program(
        parts.store,
        caller,
        body.source.to_core(),
        metadata,
        public=body.public,
        try_import=parts.try_import,
        resolve=parts.resolve,
    )
    response.headers["Location"] = f"/api/v1/programs/{program.program_id}"
    return _answer(response, program)


@router.get("")
def list_programs(
    parts: PartsDep,
    caller: CallerDep,
    search: Annotated[str, Query(max_length=200, description="In id, name, description.")] = "",
    limit: Limit = 100,
    after: After = None,
) -> list[ProgramDocument]:
    """List the programs that you may run, in the order of their upload, without sources."""
    query = ProgramQuery(search=search, limit=limit, after=after or None)
    found = programs.list_programs(parts.store, caller, query)
    return [ProgramDocument.of(program) for program in found]


@router.get("/{program_id}")
def get_program(
    program_id: str,
    response: Response,
    parts: PartsDep,
    caller: CallerDep,
    source: Annotated[bool, Query(description="With the files of the current version.")] = False,
) -> ProgramDocument:
    """Get a program."""
    found = programs.find_program(parts.store, caller, program_id, with_source=source)
    return _answer(response, found)


@router.patch("/{program_id}", responses=CONFLICT)
def change_program(
    program_id: str,
    body: ProgramChange,
    response: Response,
    parts: PartsDep,
    caller: CallerDep,
    if_match: IfMatch = None,
) -> ProgramDocument:
    """Change a program. Another source or other metadata make a new version."""
    found = programs.find_program(parts.store, caller, program_id)
    if if_match is not None and if_match.strip('W/"') != _etag(found).strip('"'):
        raise InvalidStateError(
            f"program '{program_id}' was changed meanwhile: get it again, then change it"
        )
    if body.source is not None or body.metadata is not None:
        metadata = None
        if body.metadata is not None:
            merged = {**to_dict(found.metadata), **body.metadata}
            metadata = read_metadata(merged, default_name=found.metadata.name)
        source = None if body.source is None else body.source.to_core()
        found = programs.update_program(
            parts.store,
            caller,
            program_id,
            source=source,
            metadata=metadata,
            try_import=parts.try_import,
            resolve=parts.resolve,
        )
    if body.public is not None:
        found = programs.set_public(parts.store, caller, program_id, public=body.public)
    return _answer(response, found)


@router.delete("/{program_id}", status_code=204)
def delete_program(program_id: str, parts: PartsDep, caller: CallerDep) -> None:
    """Delete a program; its jobs keep the versions that they have."""
    programs.delete_program(parts.store, caller, program_id)


@router.get("/{program_id}/versions")
def list_versions(program_id: str, parts: PartsDep, caller: CallerDep) -> list[VersionDocument]:
    """List a program's versions, the newest first, without sources."""
    found = programs.list_versions(parts.store, caller, program_id)
    return [VersionDocument.of(version) for version in found]


@router.get("/{program_id}/versions/{version}")
def get_version(
    program_id: str, version: str, parts: PartsDep, caller: CallerDep
) -> VersionDocument:
    """Get a version with its source: `latest`, a tag, a number, or a digest."""
    return VersionDocument.of(programs.find_version(parts.store, caller, program_id, version))


@router.post("/{program_id}/rollback")
def roll_back(
    program_id: str,
    body: VersionReference,
    response: Response,
    parts: PartsDep,
    caller: CallerDep,
) -> ProgramDocument:
    """Make an earlier version the current one."""
    found = programs.roll_back(parts.store, caller, program_id, body.version)
    return _answer(response, found)


@router.put("/{program_id}/tags/{tag}")
def set_tag(
    program_id: str,
    tag: str,
    body: VersionReference,
    response: Response,
    parts: PartsDep,
    caller: CallerDep,
) -> ProgramDocument:
    """Let a tag name a version."""
    found = programs.set_tag(parts.store, caller, program_id, tag, body.version)
    return _answer(response, found)


@router.delete("/{program_id}/tags/{tag}", status_code=204)
def delete_tag(program_id: str, tag: str, parts: PartsDep, caller: CallerDep) -> None:
    """Let a tag name nothing any more."""
    programs.set_tag(parts.store, caller, program_id, tag, None)


def _etag(program: Program) -> str:
    return f'"{program.current.version[:16]}-{program.updated.timestamp():.6f}"'


def _answer(response: Response, program: Program) -> ProgramDocument:
    response.headers["ETag"] = _etag(program)
    return ProgramDocument.of(program)
