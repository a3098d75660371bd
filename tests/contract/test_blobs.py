# SPDX-License-Identifier: Apache-2.0
"""Large values: in memory, in a folder, in S3."""

from __future__ import annotations

import hashlib
import os
import random
import threading

import pytest

from qruntime.errors import InvalidInputError, StoreError
from qruntime.store.blobs import Blobs, open_blobs

PLAIN = random.Random(1).randbytes(100_000)
VALUES = {
    "empty": b"",
    "short": b"a",
    "compressible": b"0123456789" * 100_000,
    "incompressible": PLAIN,
    "larger than a part": PLAIN * 200,
}


@pytest.fixture(params=["memory", "folder", "s3"])
def blobs(request, tmp_path):
    if request.param == "memory":
        return open_blobs("memory://")
    if request.param == "folder":
        return open_blobs(str(tmp_path / "some" / "blobs"))
    options = request.getfixturevalue("s3")
    return open_blobs(f"s3://qruntime/{tmp_path.name}", options=options)


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_as_it_went_in_under_its_checksum(blobs, name):
    value = VALUES[name]

    digest = blobs.put(value)

    assert digest == hashlib.sha256(value).hexdigest()
    assert blobs.get(digest) == value
    assert b"".join(blobs.chunks(digest)) == value


def test_a_value_may_be_put_again_and_at_the_same_time(blobs):
    threads = [threading.Thread(target=blobs.put, args=(PLAIN,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert blobs.get(blobs.put(PLAIN)) == PLAIN


def test_a_large_value_is_read_in_pieces(blobs):
    digest = blobs.put(VALUES["larger than a part"])

    assert max(map(len, blobs.chunks(digest))) < len(VALUES["larger than a part"]) / 2


def test_a_deleted_value_is_missing_and_may_be_deleted_again(blobs):
    digest = blobs.put(b"a")

    blobs.delete(digest)
    blobs.delete(digest)

    with pytest.raises(StoreError, match="missing"):
        blobs.get(digest)


def test_an_object_store_says_that_it_works(blobs):
    blobs.check()


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "F" * 64, "f" * 63])
def test_what_is_no_checksum_names_no_value(blobs, digest):
    for call in (blobs.get, blobs.delete):
        with pytest.raises(StoreError, match="SHA-256"):
            call(digest)


def path_of(folder, digest):
    return folder / digest[:2] / digest


@pytest.mark.parametrize("name", ["compressible", "incompressible"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "marked"])
def test_a_damaged_value_is_not_returned(tmp_path, name, damage):
    blobs = open_blobs(str(tmp_path))
    digest = blobs.put(VALUES[name])
    path = path_of(tmp_path, digest)
    held = bytearray(path.read_bytes())
    if damage == "flipped":
        held[len(held) // 2] ^= 1
    path.write_bytes(
        {"flipped": held, "cut": held[:-1], "emptied": b"", "marked": b"\x07" + held[1:]}[damage]
    )

    with pytest.raises(StoreError, match="damaged"):
        blobs.get(digest)


def test_what_compresses_is_kept_smaller_and_what_does_not_costs_a_byte(tmp_path):
    blobs = open_blobs(str(tmp_path))

    small, plain = (blobs.put(VALUES[name]) for name in ("compressible", "incompressible"))

    assert path_of(tmp_path, small).stat().st_size < 10_000
    assert path_of(tmp_path, plain).stat().st_size == len(PLAIN) + 1


def test_a_value_that_is_there_is_not_written_again(tmp_path):
    blobs = open_blobs(str(tmp_path))
    path = path_of(tmp_path, blobs.put(PLAIN))
    before = path.stat().st_mtime_ns

    blobs.put(PLAIN)

    assert path.stat().st_mtime_ns == before


def test_in_a_folder_the_file_and_its_folders_are_on_the_disk(tmp_path, monkeypatch):
    blobs = open_blobs(str(tmp_path))
    synced = []
    real = os.fsync

    def fsync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    path = path_of(tmp_path, blobs.put(PLAIN))

    assert synced == [each.stat().st_ino for each in (path, path.parent, tmp_path)]


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_folder_is_made_for_its_owner_alone(tmp_path, prefix):
    open_blobs(f"{prefix}{tmp_path}/new/blobs")

    assert (tmp_path / "new" / "blobs").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("url", ["", "ftp://host/x", "s3://", "file://host/x", "gs://bucket"])
def test_another_kind_of_place_is_refused_and_the_allowed_ones_are_named(url):
    with pytest.raises(InvalidInputError, match="allowed: a folder, 's3://BUCKET/PREFIX'"):
        open_blobs(url)


def test_an_object_store_that_fails_is_a_store_error_without_the_value(tmp_path):
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreError, match="opening") as caught:
        open_blobs(str(tmp_path / "file"))
    assert str(tmp_path) not in str(caught.value)


def test_a_bucket_that_is_not_there_is_a_store_error(s3):
    blobs: Blobs = open_blobs("s3://elsewhere", options=s3)

    with pytest.raises(StoreError, match="the object store failed at writing"):
        blobs.put(b"a")
    with pytest.raises(StoreError):
        blobs.check()
