# SPDX-License-Identifier: Apache-2.0
"""``Blobs``: large values in an object store, named by the SHA-256 of their content."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import unquote, urlsplit

import obstore
import zstandard
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, MemoryStore, ObjectStore, S3Store

from qruntime.errors import InvalidInputError, StoreError

_LEVEL = 3
_CHUNK = 1 << 20
_WHOLE = 8 << 20
_COMPRESSED = b"\x01"
_PLAIN = b"\x00"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ALLOWED = "a folder, 's3://BUCKET/PREFIX' or 'memory://'"


class Blobs:
    """Values by the SHA-256 of their content. What has been put never changes.

    An object is a byte that says how the value is kept, then the value: compressed by zstandard if
    that makes it smaller. In a folder everything is on the disk when ``put`` returns.

    Raises:
        StoreError: the object store failed, or an object is missing or damaged.
    """

    def __init__(self, store: ObjectStore, *, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    @staticmethod
    def digest(content: bytes) -> str:
        """Return the name that a value has or would have."""
        return hashlib.sha256(content).hexdigest()

    def put(self, content: bytes) -> str:
        """Hold a value, unless it is there already, and return its name."""
        digest = self.digest(content)
        with _translated("writing"):
            if not self._has(_path(digest)):
                self._write(_path(digest), content)
        return digest

    def get(self, digest: str) -> bytes:
        """Return a value whole."""
        return b"".join(self.chunks(digest))

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Return a value in pieces. That it is damaged may be found only after the last one."""
        found = hashlib.sha256()
        with _translated("reading"):
            stream = self._open(_path(digest)).stream(min_chunk_size=_CHUNK)
            for piece in _unpacked(bytes(chunk) for chunk in stream):
                found.update(piece)
                yield piece
        if found.hexdigest() != digest:
            raise StoreError(f"the blob {digest} is damaged: its checksum is another")

    def delete(self, digest: str) -> None:
        """Forget a value, if it is there."""
        with _translated("deleting"):
            self._delete(_path(digest))

    def check(self) -> None:
        """Write, read and delete something."""
        path = f"check/{uuid.uuid4().hex}"
        with _translated("checking"):
            obstore.put(self._store, path, b"1")
            obstore.get(self._store, path).bytes()
            self._delete(path)

    def _open(self, path: str) -> obstore.GetResult:
        try:
            return obstore.get(self._store, path)
        except (NotFoundError, FileNotFoundError) as error:
            raise StoreError("a blob that should be in the object store is missing") from error

    def _has(self, path: str) -> bool:
        try:
            obstore.head(self._store, path)
        except (NotFoundError, FileNotFoundError):
            return False
        return True

    def _delete(self, path: str) -> None:
        try:
            obstore.delete(self._store, path)
        except (NotFoundError, FileNotFoundError):
            return

    def _write(self, path: str, content: bytes) -> None:
        # Overwriting is harmless: who else writes here writes the same value.
        if len(content) <= _WHOLE:
            obstore.put(self._store, path, _packed(content))
        else:
            obstore.put(self._store, path, _packed_pieces(content))
        if self._folder is not None:
            written = self._folder / path
            for each in (written, written.parent, self._folder):
                _to_disk(each)


def open_blobs(url: str, *, options: Mapping[str, Any] | None = None) -> Blobs:
    """Open a folder (made if need be), a bucket (``s3://BUCKET/PREFIX``) or ``memory://``.

    ``options`` are obstore's for S3, such as ``endpoint`` and ``region``; what they leave out is
    taken from the environment as by other clients of S3.

    Raises:
        InvalidInputError: there is nothing of this kind.
        StoreError: it cannot be opened.
    """
    parts = urlsplit(url)
    with _translated("opening"):
        if parts.scheme in ("", "file") and parts.netloc in ("", "localhost") and parts.path:
            folder = Path(unquote(parts.path) if parts.scheme else url)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Blobs(LocalStore(folder), folder=folder)
        if parts.scheme == "s3" and parts.netloc:
            prefix = parts.path.strip("/") or None
            made = cast("Callable[..., S3Store]", S3Store)
            return Blobs(made(parts.netloc, prefix=prefix, **(options or {})))
        if parts.scheme == "memory":
            return Blobs(MemoryStore())
    raise InvalidInputError(f"no object store for '{parts.scheme}://'; allowed: {_ALLOWED}")


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except zstandard.ZstdError as error:
        raise StoreError("a blob is damaged: it cannot be decompressed") from error
    except (BaseError, OSError) as error:
        raise StoreError(f"the object store failed at {doing}: {type(error).__name__}") from error


def _path(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise StoreError("a blob's name is a SHA-256 in hexadecimal")
    return f"{digest[:2]}/{digest}"


def _packed(content: bytes) -> bytes:
    small = zstandard.ZstdCompressor(level=_LEVEL).compress(content)
    return _COMPRESSED + small if len(small) < len(content) else _PLAIN + content


def _packed_pieces(content: bytes) -> Iterator[bytes]:
    compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj(size=len(content))
    yield _COMPRESSED
    with memoryview(content) as view:
        for start in range(0, len(content), _CHUNK):
            if piece := compressor.compress(view[start : start + _CHUNK]):
                yield piece
    yield compressor.flush()


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(chunks, b"")
    marker, rest = first[:1], first[1:]
    if marker == _PLAIN:
        yield rest
        yield from chunks
    elif marker == _COMPRESSED:
        source = cast("IO[bytes]", _Reader(rest, chunks))
        yield from zstandard.ZstdDecompressor().read_to_iter(source, write_size=_CHUNK)
    else:
        raise StoreError("a blob is damaged: it does not begin as blobs do")


class _Reader:
    """Bytes that come in pieces, as zstandard takes them: it asks for so many."""

    def __init__(self, first: bytes, rest: Iterator[bytes]) -> None:
        self._held = first
        self._rest = rest

    def read(self, size: int) -> bytes:
        if not self._held:
            self._held = next(self._rest, b"")
        part, self._held = self._held[:size], self._held[size:]
        return part


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
