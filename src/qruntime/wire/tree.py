# SPDX-License-Identifier: Apache-2.0
"""Turns a Python value into a tree that JSON can write, and says where it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from qruntime.errors import NotSerializableError

MAX_DEPTH = 200
"""How many JSON lists and objects may stand inside each other."""

TYPE, VALUE, CLASS = "__type__", "__value__", "__class__"

PLAIN_ATOMS: frozenset[type] = frozenset({str, int, float, bool, type(None)})
_NAMES: frozenset[type] = frozenset({str})

# (the place of the container, the key in it, the container, how deep the value stands)
_Place = tuple[Any, "str | int | None", Any, int]


def tagged(tag: str, value: Any, **more: Any) -> dict[str, Any]:
    """Return the form of a value that JSON lacks; official readers skip ``more``."""
    return {TYPE: tag, VALUE: value, **more}


def disguised(kind: str, items: list[Any]) -> dict[str, Any]:
    """Return a list that we read back as ``kind``, and every official client as a plain list.

    Official decoders, from the first one on, return the value of a ``to_json`` tag as it stands.
    """
    return tagged("to_json", items, **{CLASS: kind})


class TreeBuilder:
    """Walks a value once; ``convert`` is asked for everything that is not a JSON type.

    A dict that ``convert`` returns is taken as a finished tag; the values in it are walked.
    """

    # float.__repr__ and str are what the JSON writer uses for these two as well.
    atoms: frozenset[type] = PLAIN_ATOMS | {np.float64, np.str_}

    def __init__(self, convert: Callable[[Any], Any], *, root: str) -> None:
        self._convert = convert
        self._root = root
        self._steps: dict[type, Callable[[Any, _Place], Any]] = {
            list: self._list,
            dict: self._dict,
            tuple: self._tuple,
            np.ndarray: self._array,
        }

    def build(self, value: Any) -> Any:
        """Return the tree. Raises NotSerializableError, which names the place."""
        try:
            return self._walk(value, (None, None, None, 0))
        except RecursionError as error:
            raise NotSerializableError(
                f"{self._root}: no room on the stack to walk it: nested too deep, or encoded "
                "from within a deep recursion"
            ) from error

    def _walk(self, value: Any, place: _Place) -> Any:
        kind = type(value)
        if kind in self.atoms:
            return value
        if place[3] >= MAX_DEPTH:
            raise self._too_deep(place)
        step = self._steps.get(kind)
        if step is None:
            step = self._steps[kind] = self._step_for(value)
        return step(value, place)

    def _step_for(self, value: Any) -> Callable[[Any, _Place], Any]:
        if isinstance(value, (str, int, float, np.generic)):
            return self._scalar
        for kind, step in (
            (dict, self._dict),
            (list, self._list),
            (tuple, self._tuple),
            (np.ndarray, self._array),
        ):
            if isinstance(value, kind):
                return step
        return self._other

    def _list(self, value: list[Any], place: _Place) -> Any:
        atoms = self.atoms
        if atoms.issuperset(map(type, value)):
            return value
        walk, depth = self._walk, place[3] + 1
        return [
            item if type(item) in atoms else walk(item, (place, index, value, depth))
            for index, item in enumerate(value)
        ]

    def _dict(self, value: dict[Any, Any], place: _Place) -> Any:
        named = value if _NAMES.issuperset(map(type, value)) else self._name_keys(value, place)
        if TYPE in named:
            return self._escape(named, place)
        return self._members(named, place, value)

    def _members(self, value: dict[str, Any], place: _Place, owner: Any) -> dict[str, Any]:
        atoms = self.atoms
        if atoms.issuperset(map(type, value.values())):
            return value
        walk, depth = self._walk, place[3] + 1
        return {
            key: item if type(item) in atoms else walk(item, (place, key, owner, depth))
            for key, item in value.items()
        }

    def _escape(self, value: dict[str, Any], place: _Place) -> Any:
        pairs = [[key, item] for key, item in value.items()]
        return self._finished(disguised("dict", pairs), value, place)

    def _tuple(self, value: tuple[Any, ...], place: _Place) -> Any:
        return self._finished(disguised("tuple", list(value)), value, place)

    def _array(self, value: Any, place: _Place) -> Any:
        return self._other(value, place)

    def _scalar(self, value: Any, place: _Place) -> Any:
        if isinstance(value, np.timedelta64):  # to NumPy, this is an integer
            return self._array(np.asarray(value), place)
        for numpy_kind, kind in (
            (np.bool_, bool),
            (np.integer, int),
            (np.floating, float),
            (np.complexfloating, complex),
        ):
            if isinstance(value, numpy_kind):
                return self._walk(kind(value), place)
        # The base class's own method: a subclass (an Enum, say) may print itself differently.
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int.__int__(value)
        if isinstance(value, float):
            return float.__float__(value)
        return self._array(np.asarray(value), place)

    def _other(self, value: Any, place: _Place) -> Any:
        try:
            made = self._convert(value)
        except NotSerializableError as error:
            raise NotSerializableError(f"{self._path(place)}: {error}") from error
        return self._finished(made, value, place)

    def _finished(self, made: Any, value: Any, place: _Place) -> Any:
        if isinstance(made, dict) and TYPE in made:
            return self._members(made, place, value)
        return self._walk(made, (place, None, value, place[3] + 1))

    def _name_keys(self, value: dict[Any, Any], place: _Place) -> dict[str, Any]:
        """Give keys the names that ``json`` gives them, unless two would become one."""
        named: dict[str, Any] = {}
        for key, item in value.items():
            name = _key_name(key)
            if name is None:
                raise NotSerializableError(
                    f"{self._path(place)}: a key of type '{_type_name(key)}' has no form in JSON; "
                    "allowed: str, int, float, bool, None"
                )
            if name in named:
                raise NotSerializableError(
                    f"{self._path(place)}: two keys would both be written as {name!r}"
                )
            named[name] = item
        return named

    def _too_deep(self, place: _Place) -> NotSerializableError:
        around: list[int] = []
        step: Any = place
        while step is not None:
            if step[2] is not None:
                around.append(id(step[2]))
            step = step[0]
        if len(set(around)) < len(around):
            return NotSerializableError(f"{self._root}: contains itself")
        return NotSerializableError(f"{self._root}: nested deeper than {MAX_DEPTH} levels")

    def _path(self, place: Any) -> str:
        keys: list[str] = []
        while place is not None:
            keys.append(_step_text(place[1]))
            place = place[0]
        return self._root + "".join(reversed(keys))


class PlainTreeBuilder(TreeBuilder):
    """Builds what a JSON Schema is checked against: arrays and tuples become lists."""

    atoms = PLAIN_ATOMS

    def _tuple(self, value: tuple[Any, ...], place: _Place) -> Any:
        return self._list(list(value), place)

    def _array(self, value: Any, place: _Place) -> Any:
        if isinstance(value, np.ma.MaskedArray):
            return self._other(value, place)
        return self._walk(value.tolist(), place)

    def _escape(self, value: dict[str, Any], place: _Place) -> Any:
        return self._members(value, place, value)


def _key_name(key: Any) -> str | None:
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, np.generic) and key.dtype.kind in "biuf":
        key = float(key) if key.dtype.kind == "f" else key.item()
    if key is None or isinstance(key, (int, float)):
        return json.dumps(key)
    return None


def _step_text(key: str | int | None) -> str:
    if key is None or key == VALUE:
        return ""
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


def _type_name(value: Any) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def refuse(value: Any, allowed: Iterable[str]) -> NotSerializableError:
    """Return the error for a value of a type that no table knows."""
    return NotSerializableError(
        f"an object of type '{_type_name(value)}' cannot travel; allowed: {', '.join(allowed)}, "
        "or give the class a to_json() method"
    )
