# SPDX-License-Identifier: Apache-2.0
"""Zip files of programs, read without trust: nothing in one can reach out of it or fill memory."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from pathlib import PurePosixPath

from qruntime.errors import InvalidProgramError
from qruntime.program.source_limits import MAX_BYTES, Tally, safe_path

_ENCRYPTED = 0x1
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 1 << 16


def is_zip(data: bytes) -> bool:
    """Whether the bytes begin as a zip file does."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def read_zip(data: bytes) -> dict[str, bytes]:
    """Return the files of a zip by their path.

    Raises InvalidProgramError for paths that lead outside, links, duplicates, encryption, broken
    data, and content larger than a program may be, whatever the zip declares.
    """
    if len(data) > MAX_BYTES:
        raise InvalidProgramError(f"the zip is larger than {MAX_BYTES // 10**6} MB")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = _check_entries(archive)
            return _read_entries(archive, entries)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        if isinstance(error, InvalidProgramError):
            raise
        raise InvalidProgramError(f"the zip is broken: {error}") from error


def _check_entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    declared = Tally()
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        path = safe_path(info.orig_filename).as_posix()
        if info.is_dir():
            continue
        _check_entry(info, path)
        declared.add(path, info.file_size)
        if path in entries:
            raise InvalidProgramError(f"the zip has {path!r} twice")
        entries[path] = info
    for parent in {str(parent) for path in entries for parent in PurePosixPath(path).parents}:
        if parent in entries:
            raise InvalidProgramError(f"the zip has {parent!r} both as a file and as a folder")
    return entries


def _check_entry(info: zipfile.ZipInfo, path: str) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise InvalidProgramError(f"the zip has a symbolic link: {path!r}")
    if kind not in (0, stat.S_IFREG):
        raise InvalidProgramError(f"the zip has something that is not a file: {path!r}")
    if info.flag_bits & _ENCRYPTED:
        raise InvalidProgramError(f"the zip is encrypted ({path!r}); give it without a password")
    if info.compress_type not in _READABLE:
        raise InvalidProgramError(f"{path!r} is compressed by another method than deflate")


def _read_entries(
    archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]
) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = MAX_BYTES
    for path, info in entries.items():
        content = _read_entry(archive, info, left)
        left -= len(content)
        if left < 0 or len(content) > info.file_size:
            raise InvalidProgramError(f"{path!r} is larger than the zip declares")
        files[path] = content
    return files


def _read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> bytes:
    content = bytearray()
    with archive.open(info) as stream:
        while len(content) <= left and (chunk := stream.read(_CHUNK)):
            content += chunk
    return bytes(content)
