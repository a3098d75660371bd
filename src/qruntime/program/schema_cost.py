# SPDX-License-Identifier: Apache-2.0
"""What a JSON Schema may cost to apply: refuses schemas and values that could stall or crash."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import unquote

from qruntime.errors import InvalidSchemaError, SchemaViolationError

MAX_SCHEMA_DEPTH = 64
MAX_SCHEMA_NODES = 20_000
MAX_VALUE_DEPTH = 128
MAX_VALUE_PARTS = 5_000_000
MAX_STEPS = 100_000_000
"""About two seconds of validation."""

_SAME_ONE = ("not", "if", "then", "else")
_SAME_LIST = ("allOf", "anyOf", "oneOf")
_SAME_MAP = ("dependentSchemas", "dependencies")
_BELOW_ONE = (
    *("additionalProperties", "unevaluatedProperties", "propertyNames"),
    *("items", "additionalItems", "unevaluatedItems", "contains"),
)
_BELOW_LIST = ("prefixItems", "items")
_BELOW_MAP = ("properties", "patternProperties")
_KEPT_MAP = ("$defs", "definitions")
_REFUSED = {
    "$dynamicRef": "use $ref with a place in this schema",
    "$recursiveRef": "use $ref with a place in this schema",
}
_CHARACTERS_A_STEP = 32


@dataclass(slots=True)
class _Node:
    """One subschema: what is applied to the same value, and what to the values inside it."""

    weight: int = 1
    repeats: int = 1
    same: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    below_one_of: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SchemaCost:
    """The subschemas of a checked schema, as a graph, in an order in which uses come first."""

    nodes: Mapping[int, _Node]
    order: tuple[int, ...]
    root: int

    def steps(self, sizes: list[int]) -> int:
        """Return a bound on the steps of applying the schema to a value.

        ``sizes`` counts the parts of the value at each depth.
        """
        inside = dict.fromkeys(self.nodes, 0)
        total = 0
        for size in sizes:
            here = self._fold({key: node.weight for key, node in self.nodes.items()}, inside)
            total += here[self.root] * size
            if total > MAX_STEPS:
                return total
            inside = here
        return total

    def _fold(self, own: dict[int, int], inside: dict[int, int]) -> dict[int, int]:
        here: dict[int, int] = {}
        for key in self.order:
            node = self.nodes[key]
            below = sum(inside[child] for child in node.below)
            below += max((inside[child] for child in node.below_one_of), default=0)
            same = sum(here[other] for other in node.same)
            here[key] = min(node.repeats * (own[key] + below + same), 10 * MAX_STEPS)
        return here


def measure_schema(schema: Mapping[str, Any] | bool, *, name: str) -> SchemaCost:
    """Read a schema as a graph.

    Raises InvalidSchemaError for one that is too deep or too large, refers to anything outside
    itself, or applies itself to the same value without end.
    """
    _check_size(schema, name)
    return _GraphReader(schema, name).read()


def measure_value(value: Any, *, name: str) -> list[int]:
    """Count the parts of a value at each depth.

    Raises SchemaViolationError for one that nests too deep or is too large.
    """
    sizes: list[int] = []
    level: list[Any] = [value]
    while level:
        if len(sizes) >= MAX_VALUE_DEPTH:
            raise SchemaViolationError(
                f"{name} is nested more than {MAX_VALUE_DEPTH} levels deep", path=name
            )
        sizes.append(
            len(level) + sum(len(v) for v in level if type(v) is str) // _CHARACTERS_A_STEP
        )
        level = list(islice((c for item in level for c in _children(item)), MAX_VALUE_PARTS + 1))
        if len(level) > MAX_VALUE_PARTS:
            raise SchemaViolationError(f"{name} has more than {MAX_VALUE_PARTS} parts", path=name)
    return sizes


def _children(item: Any) -> Iterator[Any]:
    if isinstance(item, Mapping):
        yield from item.keys()
        yield from item.values()
    elif isinstance(item, list | tuple):
        yield from item


def _check_size(schema: Any, name: str) -> None:
    waiting = deque([(schema, 0)])
    count = 0
    while waiting:
        item, depth = waiting.popleft()
        count += 1
        if depth > MAX_SCHEMA_DEPTH:
            message = f"{name} is nested more than {MAX_SCHEMA_DEPTH} levels deep"
            raise InvalidSchemaError(message)
        if count > MAX_SCHEMA_NODES:
            raise InvalidSchemaError(f"{name} has more than {MAX_SCHEMA_NODES} parts")
        if isinstance(item, Mapping):
            waiting.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list | tuple):
            waiting.extend((child, depth + 1) for child in item)


class _GraphReader:
    """Reads the subschemas that can be reached from the root, references followed."""

    def __init__(self, schema: Mapping[str, Any] | bool, name: str) -> None:
        self._schema = schema
        self._name = name
        self._nodes: dict[int, _Node] = {}
        self._waiting: list[tuple[Any, bool]] = [(schema, True)]
        self._anchors: dict[str, Any] = {}

    def read(self) -> SchemaCost:
        self._find_anchors()
        while self._waiting:
            part, is_root = self._waiting.pop()
            if id(part) not in self._nodes:
                self._nodes[id(part)] = self._read_node(part, is_root=is_root)
        return SchemaCost(self._nodes, self._order(), id(self._schema))

    def _read_node(self, part: Any, *, is_root: bool) -> _Node:
        node = _Node()
        if not isinstance(part, Mapping):
            return node
        self._check_keywords(part, is_root=is_root)
        node.weight += sum(
            len(part[key]) // 8 for key in ("enum", "required", "properties") if _sized(part, key)
        )
        if "unevaluatedProperties" in part or "unevaluatedItems" in part:
            node.repeats = 4  # these apply their neighbours again; measured: about 3
        if "$ref" in part:
            node.same.append(self._take(self._resolve(part["$ref"])))
        node.same.extend(
            self._take(item) for item in _listed(part, _SAME_ONE, _SAME_LIST, _SAME_MAP)
        )
        node.below.extend(self._take(item) for item in _listed(part, _BELOW_ONE, (), ()))
        node.below.extend(
            self._take(item) for item in _listed(part, (), (), ("patternProperties",))
        )
        chosen = _listed(part, (), _BELOW_LIST, ("properties",))
        node.below_one_of.extend(self._take(item) for item in chosen)
        for item in _listed(part, (), (), _KEPT_MAP):
            self._take(item)
        return node

    def _take(self, part: Any) -> int:
        self._waiting.append((part, False))
        return id(part)

    def _check_keywords(self, part: Mapping[str, Any], *, is_root: bool) -> None:
        for keyword, advice in _REFUSED.items():
            if keyword in part:
                raise InvalidSchemaError(f"{self._name}: {keyword} is not supported; {advice}")
        if not is_root and ("$id" in part or isinstance(part.get("id"), str)):
            raise InvalidSchemaError(f"{self._name}: $id is allowed only at the top of a schema")

    def _find_anchors(self) -> None:
        waiting: list[Any] = [self._schema]
        while waiting:
            part = waiting.pop()
            if isinstance(part, Mapping):
                if isinstance(part.get("$anchor"), str):
                    self._anchors[part["$anchor"]] = part
                waiting.extend(part.values())
            elif isinstance(part, list | tuple):
                waiting.extend(part)

    def _resolve(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise InvalidSchemaError(
                f"{self._name}: $ref {reference!r} leads outside the schema; only references that "
                "begin with '#' are followed (nothing is read from a network or a disk)"
            )
        pointer = unquote(reference[1:])
        target = self._anchors.get(pointer) if pointer and pointer[0] != "/" else self._at(pointer)
        if not isinstance(target, Mapping | bool):
            raise InvalidSchemaError(f"{self._name}: $ref {reference!r} leads to no schema")
        return target

    def _at(self, pointer: str) -> Any:
        part: Any = self._schema
        for step in pointer.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(part, Mapping):
                part = part.get(key)
            elif isinstance(part, list) and key.isdecimal() and int(key) < len(part):
                part = part[int(key)]
            else:
                return None
        return part

    def _order(self) -> tuple[int, ...]:
        """Order the nodes: what is applied to the same value comes before what applies it."""
        waits = {key: len(set(node.same)) for key, node in self._nodes.items()}
        users: dict[int, list[int]] = {key: [] for key in self._nodes}
        for key, node in self._nodes.items():
            for other in set(node.same):
                users[other].append(key)
        ready = [key for key, count in waits.items() if count == 0]
        order: list[int] = []
        while ready:
            order.append(ready.pop())
            for user in users[order[-1]]:
                waits[user] -= 1
                if waits[user] == 0:
                    ready.append(user)
        if len(order) < len(self._nodes):
            raise InvalidSchemaError(
                f"{self._name}: a $ref leads back to where it started without going into the value"
            )
        return tuple(order)


def _sized(part: Mapping[str, Any], key: str) -> bool:
    return isinstance(part.get(key), Mapping | list | tuple)


def _listed(
    part: Mapping[str, Any], one: tuple[str, ...], many: tuple[str, ...], named: tuple[str, ...]
) -> Iterator[Any]:
    for key in one:
        if isinstance(part.get(key), Mapping | bool):
            yield part[key]
    for key in many:
        if isinstance(part.get(key), list | tuple):
            yield from (item for item in part[key] if isinstance(item, Mapping | bool))
    for key in named:
        if isinstance(part.get(key), Mapping):
            yield from (item for item in part[key].values() if isinstance(item, Mapping | bool))
