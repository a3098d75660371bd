# SPDX-License-Identifier: Apache-2.0
"""Bytes as text, and arrays as bytes; reading is bounded and never unpickles."""

from __future__ import annotations

import base64
import io
import math
import zipfile
import zlib
from typing import Any

import numpy as np

from qruntime.errors import NotSerializableError, UndecodableError
from qruntime.wire.tree import VALUE, tagged

DEFAULT_MAX_BYTES = 1 << 30

# What official clients write for zero-dimensional object arrays of an extrapolator's name.
_EXTRAPOLATORS = frozenset(
    {"linear", "exponential", "double_exponential", "fallback"}
    | {f"polynomial_degree_{degree}" for degree in range(1, 8)}
)
_OBJECT_SHAPE = "__shape__"
_NPY_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    # Version 3 differs from 2 in the encoding of field names only, which sizes do not depend on.
    (3, 0): np.lib.format.read_array_header_2_0,
}


class Budget:
    """How many bytes the packed values of one document may still unpack to."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.left = limit

    def take(self, count: int) -> None:
        """Spend ``count`` bytes. Raises UndecodableError when there are not so many left."""
        if count > self.left:
            raise UndecodableError(
                f"the document unpacks to more than {self.limit} bytes; raise max_bytes to read it"
            )
        self.left -= count


def pack(data: bytes, *, level: int = 1) -> str:
    """Return the bytes, compressed, as base64 text."""
    return base64.b64encode(zlib.compress(data, level)).decode("ascii")


def unpack(text: Any, budget: Budget) -> bytes:
    """Return the bytes that ``pack`` was given. Raises UndecodableError."""
    stream = zlib.decompressobj()
    data = stream.decompress(unpack_base64(text), budget.left + 1)
    budget.take(len(data))
    if not stream.eof:
        raise UndecodableError("the compressed data ends too early")
    return data


def unpack_base64(text: Any) -> bytes:
    """Return the bytes of base64 text. Raises UndecodableError for what is not text."""
    if not isinstance(text, str):
        raise UndecodableError(f"expected base64 text, not {type(text).__name__}")
    return base64.b64decode(text, validate=True)


def write_array(value: Any) -> dict[str, Any]:
    """Return an array's tag; an object array becomes a list with its shape beside it."""
    if isinstance(value, np.ma.MaskedArray):
        raise NotSerializableError(
            "a masked array would lose its mask; send .filled(...) or the data and the mask"
        )
    if value.dtype == object:
        return tagged("ndarray", value.tolist(), **{_OBJECT_SHAPE: list(value.shape)})
    stream = io.BytesIO()
    # Field names may need version 3; left to choose it, NumPy warns.
    version = (3, 0) if value.dtype.names else None
    try:
        np.lib.format.write_array(stream, value, version, allow_pickle=False)
    except ValueError as error:
        raise NotSerializableError(
            f"an array of dtype {value.dtype} cannot travel: {error}"
        ) from error
    return tagged("ndarray", pack(stream.getvalue()))


def read_array(body: dict[str, Any], budget: Budget) -> Any:
    """Return the array of a tag: packed, or a list of objects."""
    value = body[VALUE]
    if _OBJECT_SHAPE in body:
        return _object_array(value, body[_OBJECT_SHAPE])
    if not isinstance(value, str):
        return np.array(value)
    if value in _EXTRAPOLATORS:
        return value
    return _load_array(unpack(value, budget))


def _object_array(value: Any, shape: Any) -> Any:
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise UndecodableError("the shape of an object array must be a list of sizes")
    items = [value]
    for size in shape:
        if not all(isinstance(item, list) and len(item) == size for item in items):
            raise UndecodableError("the lists of an object array do not have its shape")
        items = [part for item in items for part in item]
    return np.fromiter(items, dtype=object, count=len(items)).reshape(shape)


def _load_array(data: bytes) -> Any:
    """Load an ``.npy`` file after checking that it is as long as its header claims.

    NumPy allocates what the header claims before it reads.
    """
    stream = io.BytesIO(data)
    read_header = _NPY_HEADER_READERS.get(np.lib.format.read_magic(stream))
    if read_header is None:
        raise UndecodableError("unknown version of NumPy's array format")
    shape, _, dtype = read_header(stream)
    count = math.prod(shape)
    if count * dtype.itemsize != len(data) - stream.tell() or count > max(len(data), 1):
        raise UndecodableError("the array's data do not have the length that its header claims")
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def write_sparse(value: Any, _: int | None) -> dict[str, Any]:
    """Return the tag of a SciPy sparse matrix or array."""
    from scipy.sparse import save_npz

    stream = io.BytesIO()
    try:
        save_npz(stream, value)
    except NotImplementedError as error:
        raise NotSerializableError(
            f"the sparse format '{value.format}' cannot travel; convert it with .tocsr()"
        ) from error
    return tagged("spmatrix", base64.b64encode(stream.getvalue()).decode("ascii"))


def read_sparse(body: dict[str, Any], budget: Budget) -> Any:
    """Return the sparse matrix of a tag, its indices checked."""
    try:
        from scipy.sparse import load_npz
    except ImportError as error:
        raise UndecodableError("a sparse matrix needs SciPy: pip install scipy") from error
    data = unpack_base64(body[VALUE])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            budget.take(member.file_size)
            _load_array(archive.read(member))
    matrix = load_npz(io.BytesIO(data))
    if hasattr(matrix, "check_format"):
        # Without this, an index out of range is a memory error in SciPy's compiled code.
        matrix.check_format(full_check=True)
    return matrix
