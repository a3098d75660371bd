# SPDX-License-Identifier: Apache-2.0
"""Programs and their versions in the database."""

# ruff: noqa: D102  each method is described in Store

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, func, or_, select, update

from qruntime.core.programs import Program, ProgramQuery, ProgramSource, ProgramVersion
from qruntime.errors import DuplicateProgramError, InvalidInputError, ProgramNotFoundError
from qruntime.store.sql.database import Transaction
from qruntime.store.sql.part import Part
from qruntime.store.sql.rows import (
    decode_source,
    encode_source,
    program_of,
    program_values,
    searchable,
    version_of_row,
    version_values,
)
from qruntime.store.sql.tables import jobs, programs, versions
from qruntime.store.sql.values import Kept

_OF_VERSION = (
    versions.c.program_id,
    versions.c.version,
    versions.c.number,
    versions.c.metadata,
    versions.c.created,
)
_SOURCE = (versions.c.source, versions.c.blob)
_LISTED = select(programs, *(c.label(f"version_{c.name}") for c in _OF_VERSION)).join(
    versions,
    (versions.c.program_id == programs.c.program_id) & (versions.c.version == programs.c.version),
)
_ONE = _LISTED.add_columns(*_SOURCE).where(programs.c.program_id == bindparam("wanted"))

_LOCK = select(programs.c.seq).where(programs.c.program_id == bindparam("wanted")).with_for_update()


class SqlPrograms(Part):
    """The methods of programs."""

    def add_program(self, program: Program) -> None:
        def work(transaction: Transaction, kept: list[Kept]) -> None:
            added = (
                transaction.insert(programs)
                .values(program_values(program))
                .on_conflict_do_nothing(index_elements=["program_id"])
                .returning(programs.c.seq)
            )
            if transaction.execute(added).first() is None:
                raise DuplicateProgramError(
                    f"there is a program '{program.program_id}' already; update it with "
                    "update_program(), or upload under another name"
                )
            _hold_version(transaction, program.current, kept[0])

        self._values.write([_encoded(program.current)], work)

    def put_program(self, program: Program, *, expected: Program) -> bool:
        def work(transaction: Transaction, kept: list[Kept]) -> bool:
            # Lock first, then look: a look that waits for the lock sees half of a change.
            transaction.execute(_LOCK, {"wanted": program.program_id})
            row = transaction.execute(_ONE, {"wanted": program.program_id}).first()
            if row is None:
                raise _not_found(program.program_id)
            if _listed(row) != replace(expected, current=replace(expected.current, source=None)):
                return False
            _hold_version(transaction, program.current, kept[0])
            changed = update(programs).where(programs.c.program_id == program.program_id)
            transaction.execute(changed.values(program_values(program)))
            return True

        return self._values.write([_encoded(program.current)], work)

    def program(self, program_id: str, *, with_source: bool = False) -> Program:
        row = self._database.read(
            lambda transaction: transaction.execute(_ONE, {"wanted": program_id}).first()
        )
        if row is None:
            raise _not_found(program_id)
        program = _listed(row)
        if not with_source:
            return program
        source = self._source(row.source, row.blob)
        return replace(program, current=replace(program.current, source=source))

    def programs(self, query: ProgramQuery) -> list[Program]:
        narrowed = _narrowed(query)

        def work(transaction: Transaction) -> list[Program]:
            page = narrowed
            if query.after is not None:
                placed = select(programs.c.seq).where(programs.c.program_id == query.after)
                seq = transaction.execute(placed).scalar()
                if seq is None:
                    raise _not_found(query.after)
                page = page.where(programs.c.seq > seq)
            return [_listed(row) for row in transaction.execute(page)]

        return self._database.read(work)

    def version(self, program_id: str, version: str) -> ProgramVersion:
        query = select(*_OF_VERSION, *_SOURCE).where(
            versions.c.program_id == program_id, versions.c.version == version
        )
        row = self._database.read(lambda transaction: transaction.execute(query).first())
        if row is None:
            raise ProgramNotFoundError(f"no version '{version}' of a program '{program_id}'")
        return version_of_row(dict(row._mapping), self._source(row.source, row.blob))

    def versions(self, program_id: str) -> list[ProgramVersion]:
        query = (
            select(*_OF_VERSION)
            .join(programs, programs.c.program_id == versions.c.program_id)
            .where(versions.c.program_id == program_id, versions.c.withdrawn.is_(None))
            .order_by(versions.c.number.desc())
        )
        rows = self._database.read(lambda transaction: transaction.execute(query).all())
        if not rows:
            raise _not_found(program_id)
        return [version_of_row(dict(row._mapping)) for row in rows]

    def delete_program(self, program_id: str) -> None:
        def work(transaction: Transaction) -> None:
            gone = delete(programs).where(programs.c.program_id == program_id)
            if transaction.execute(gone).rowcount == 0:
                raise _not_found(program_id)
            theirs = (versions.c.program_id == program_id) & versions.c.withdrawn.is_(None)
            transaction.execute(update(versions).where(theirs).values(withdrawn=self._now()))

        self._database.write(work)

    def _source(self, data: bytes | None, blob: str | None) -> ProgramSource | None:
        value = self._values.load(data, blob)
        return None if value is None else decode_source(value)


def forget_withdrawn(transaction: Transaction, moment: Any) -> None:
    """Delete the versions of programs deleted before a moment that no job has."""
    had = exists().where(
        jobs.c.program_id == versions.c.program_id, jobs.c.version == versions.c.version
    )
    transaction.execute(delete(versions).where(versions.c.withdrawn < moment, ~had))


def _hold_version(transaction: Transaction, version: ProgramVersion, source: Kept) -> None:
    """Add a version that is new to its program, or take back one of a deleted program."""
    same = (versions.c.program_id == version.program_id) & (versions.c.version == version.version)
    again = update(versions).where(same).values(withdrawn=None)
    if transaction.execute(again).rowcount:
        return
    if source == Kept():
        raise InvalidInputError("a version that is new to its program needs its source")
    newest = select(func.max(versions.c.number)).where(versions.c.program_id == version.program_id)
    number = 1 + (transaction.execute(newest).scalar() or 0)
    values = {**version_values(version), "number": number, "source": source.data}
    transaction.execute(transaction.insert(versions).values(**values, blob=source.blob))


def _encoded(version: ProgramVersion) -> bytes | None:
    return None if version.source is None else encode_source(version.source)


def _narrowed(query: ProgramQuery) -> Select[Any]:
    page = _LISTED.order_by(programs.c.seq).limit(query.limit)
    if query.visible_to is not None:
        page = page.where(or_(programs.c.public, programs.c.owner == query.visible_to))
    if query.search:
        page = page.where(programs.c.searched.contains(searchable(query.search), autoescape=True))
    return page


def _listed(row: Any) -> Program:
    prefix = "version_"
    current: Mapping[str, Any] = {
        name.removeprefix(prefix): value
        for name, value in row._mapping.items()
        if name.startswith(prefix)
    }
    return program_of(row, version_of_row(current))


def _not_found(program_id: str) -> ProgramNotFoundError:
    return ProgramNotFoundError(f"no program '{program_id}'")
