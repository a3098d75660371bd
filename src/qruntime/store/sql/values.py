# SPDX-License-Identifier: Apache-2.0
"""Values of jobs and programs: short ones in their row, long ones as blobs that the row names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, exists, or_, select, update

from qruntime.errors import StoreError
from qruntime.store.blobs import Blobs
from qruntime.store.sql.database import Database, Transaction
from qruntime.store.sql.tables import blobs, events, payloads, versions

Result = TypeVar("Result")

INLINE_BYTES = 64 * 1024
"""The longest value that is kept in its row."""

GRACE = timedelta(days=1)
"""How long a blob is left alone that nothing refers to: somebody may be about to."""

_TRIES = 5
_PIN = update(blobs).where(blobs.c.digest == bindparam("pinned")).values(touched=bindparam("now"))


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a value is: in the row as ``data``, or in the blob of this digest."""

    data: bytes | None = None
    blob: str | None = None


class _BlobGoneError(Exception):
    """A blob was deleted between being put and being referred to: put it again."""


class Values:
    """Writes values before the rows that name them, and reads them after.

    Nobody may delete a blob that a writer found and is about to refer to. So a writer first marks
    it in the table ``blobs``, then puts it, then, with the rows that refer to it, marks it again;
    if the mark has gone by then, a deletion came between, and he begins anew. Deleting takes a mark
    that is old and that no row refers to, and the object with it, while the mark's row is locked.
    """

    def __init__(self, database: Database, objects: Blobs, now: Callable[[], datetime]) -> None:
        self.objects = objects
        self._database = database
        self._now = now

    def write(
        self,
        contents: Sequence[bytes | None],
        work: Callable[[Transaction, list[Kept]], Result],
    ) -> Result:
        """Run ``work`` in a transaction with the places of ``contents``, which are kept then."""
        for _ in range(_TRIES):
            kept = [self._keep(content) for content in contents]
            digests = {each.blob for each in kept if each.blob is not None}

            def pinned(transaction: Transaction) -> Result:
                for digest in sorted(digests):  # noqa: B023  called before the next round
                    values = {"pinned": digest, "now": self._now()}
                    if transaction.execute(_PIN, values).rowcount == 0:
                        raise _BlobGoneError
                return work(transaction, kept)  # noqa: B023  the same

            try:
                return self._database.write(pinned)
            except _BlobGoneError:
                continue
        raise StoreError("the object store failed at writing: a blob was deleted again and again")

    def _keep(self, content: bytes | None) -> Kept:
        if content is None or len(content) <= INLINE_BYTES:
            return Kept(data=content)
        digest = self.objects.digest(content)
        self._database.write(lambda transaction: self._mark(transaction, digest))
        self.objects.put(content)
        return Kept(blob=digest)

    def _mark(self, transaction: Transaction, digest: str) -> None:
        now = self._now()
        marked = transaction.insert(blobs).values(digest=digest, touched=now)
        transaction.execute(
            marked.on_conflict_do_update(index_elements=["digest"], set_={"touched": now})
        )

    def load(self, data: bytes | None, blob: str | None) -> bytes | None:
        """Return a value from where it is. Not within a transaction: it may take a while."""
        if blob is not None:
            return self.objects.get(blob)
        return None if data is None else bytes(data)

    def forget_unused(self) -> None:
        """Delete the blobs that nothing refers to, and that nobody has touched for ``GRACE``."""
        cutoff = self._now() - GRACE
        old = select(blobs.c.digest).where(blobs.c.touched < cutoff, ~_used())
        digests = self._database.read(lambda transaction: transaction.execute(old).scalars().all())
        for digest in digests:
            self._forget(digest, cutoff)

    def _forget(self, digest: str, cutoff: datetime) -> None:
        locked = select(blobs.c.digest).where(blobs.c.digest == digest, blobs.c.touched < cutoff)
        unused = delete(blobs).where(blobs.c.digest == digest, ~_used())

        def work(transaction: Transaction) -> None:
            # Two statements: the second sees what was committed while the first waited.
            if transaction.execute(locked.with_for_update()).first() is None:
                return
            if transaction.execute(unused).rowcount:
                self.objects.delete(digest)

        self._database.write(work)


def _used() -> Any:
    return or_(*(exists().where(table.c.blob == blobs.c.digest) for table in _REFERRING))


_REFERRING = (payloads, events, versions)
