# SPDX-License-Identifier: Apache-2.0
"""Writes values as JSON text and reads them back, in the format of the official clients."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from qruntime.errors import NotSerializableError, UndecodableError
from qruntime.wire.packing import DEFAULT_MAX_BYTES, Budget
from qruntime.wire.table import check_tag, read, write
from qruntime.wire.tree import MAX_DEPTH, TYPE, PlainTreeBuilder, TreeBuilder

# The closing quote is optional so that an unfinished string is skipped at once, in linear time.
_JSON_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class RuntimeEncoder(json.JSONEncoder):
    """A ``json`` encoder for everything in the closed table of types.

    To add a type, override ``default`` and return a dict with ``"__type__"`` and ``"__value__"``;
    the reader needs the same in ``RuntimeDecoder.object_hook``.

    ``root`` is what error messages call the value. ``qpy_version`` is the newest version of
    Qiskit's circuit format that the reader knows; by default, the newest that official clients
    write.
    """

    _builder = TreeBuilder

    def __init__(
        self, *, qpy_version: int | None = None, root: str = "value", **options: Any
    ) -> None:
        super().__init__(**options)
        self.check_circular = False  # the tree is built fresh, and its depth is bounded
        self._qpy_version = qpy_version
        self._root = root

    def default(self, o: Any) -> Any:
        """Return the tagged form of an object. Raises NotSerializableError."""
        return write(o, self._qpy_version)

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """Return the text in pieces. Raises NotSerializableError, which names the place."""
        tree = self._builder(self.default, root=self._root).build(o)
        try:
            return super().iterencode(tree, _one_shot)
        except ValueError as error:
            raise NotSerializableError(f"{self._root}: {error}") from error


class _ListedTuples(TreeBuilder):
    def _tuple(self, value: tuple[Any, ...], place: Any) -> Any:
        return self._list(list(value), place)


class MetadataEncoder(RuntimeEncoder):
    """Writes the metadata of a circuit, whose tags official clients leave as they are.

    Tuples are the one special value that is common there, so they become JSON lists.
    """

    _builder = _ListedTuples


class RuntimeDecoder(json.JSONDecoder):
    """A ``json`` decoder that restores what is in the closed table, and nothing else.

    Data never names code. ``max_bytes`` bounds what compressed values may unpack to, in total for
    a document. To add a type, override ``object_hook``.
    """

    def __init__(self, *, max_bytes: int = DEFAULT_MAX_BYTES, **options: Any) -> None:
        options.pop("encoding", None)
        options.setdefault("object_hook", self.object_hook)
        super().__init__(**options)
        self._max_bytes = max_bytes
        self._budget = Budget(max_bytes)

    def decode(self, s: str, *args: Any) -> Any:
        """Return the value of a JSON text. Raises UndecodableError."""
        self._budget = Budget(self._max_bytes)
        if s.count("[") + s.count("{") > MAX_DEPTH and _deeper_than(MAX_DEPTH, s):
            raise UndecodableError(f"the JSON text is nested deeper than {MAX_DEPTH} levels")
        try:
            return super().decode(s, *args)
        except UndecodableError:
            raise
        except (ValueError, RecursionError) as error:
            raise UndecodableError(f"not JSON: {error}") from error

    def object_hook(self, obj: dict[str, Any]) -> Any:
        """Return what a JSON object stands for. Raises UndecodableError."""
        if TYPE not in obj:
            return obj
        return read(obj, self._budget)


def encode(value: Any, *, root: str = "value", qpy_version: int | None = None) -> str:
    """Return a value as JSON text.

    Everything in the closed table comes back from ``decode`` equal. Callables become null, with a
    RuntimeWarning; keys of dicts become strings, as in ``json``.

    Raises NotSerializableError, which names the place (``root.energies[3]``) and the type.
    """
    return RuntimeEncoder(root=root, qpy_version=qpy_version).encode(value)


def decode(text: str | bytes | bytearray, *, max_bytes: int = DEFAULT_MAX_BYTES) -> Any:
    """Return the value that a JSON text stands for.

    Raises UndecodableError for text that is broken, too large or of a type that is unknown.
    """
    if not isinstance(text, str):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UndecodableError(f"not UTF-8 text: {error}") from error
    return RuntimeDecoder(max_bytes=max_bytes).decode(text)


def plain(value: Any, *, root: str = "value") -> Any:
    """Return a value as a JSON Schema sees it.

    Arrays and tuples are lists, NumPy scalars are Python's; other special values appear as
    ``{"__type__": ..., "__value__": ...}``.

    Raises NotSerializableError, as ``encode`` does.
    """
    return PlainTreeBuilder(lambda special: write(special, None), root=root).build(value)


def plain_text(text: str, *, max_bytes: int = DEFAULT_MAX_BYTES) -> Any:
    """Return what ``plain`` gives of the value that a text stands for, without making the value.

    Only arrays are unpacked. Circuits and the like are not read: this is for texts of strangers.

    Raises UndecodableError for text that is broken, too large or of a type that is unknown.
    """
    return _PlainDecoder(max_bytes=max_bytes).decode(text)


class _PlainDecoder(RuntimeDecoder):
    def object_hook(self, obj: dict[str, Any]) -> Any:
        if TYPE not in obj:
            return obj
        if obj[TYPE] in ("ndarray", "to_json"):
            return plain(super().object_hook(obj))
        check_tag(obj)
        return obj


def _deeper_than(limit: int, text: str) -> bool:
    """Peel off the innermost brackets, level by level."""
    data = _JSON_STRING.sub(b"", text.encode("utf-8", "surrogatepass"))
    rest = data.translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(limit):
        peeled = rest.replace(b"()", b"")
        if len(peeled) == len(rest):
            break
        rest = peeled
    return rest.count(b"(") > limit or b"()" in rest
