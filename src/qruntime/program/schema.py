# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of programs: checked when a program is loaded, applied to what it exchanges."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from qruntime.errors import InvalidSchemaError, SchemaViolationError, nearest
from qruntime.program.schema_cost import MAX_STEPS, measure_schema, measure_value

JsonSchema = Mapping[str, Any] | bool

_LISTED = 5
_STEPS_TO_LIST_ALL = 20_000
_REGEX_BYTES = 1_000_000
_SHOWN = 60
_NO_PATTERN = "its patterns are matched in linear time: no look-around, no back-reference"


def check_schema(schema: Any, *, name: str) -> None:
    """Check that a schema is one, can be applied in bounded time, and needs nothing from outside.

    Raises InvalidSchemaError, which says what is wrong and where.
    """
    if not isinstance(schema, Mapping | bool):
        kind = type(schema).__name__
        raise InvalidSchemaError(f"{name} must be a JSON Schema (an object), not {kind}")
    measure_schema(schema, name=name)
    _validator(schema, name)


def validate(value: Any, schema: JsonSchema, *, name: str) -> None:
    """Check plain JSON data against a schema; ``name`` says what the value is, as in ``inputs``.

    Raises SchemaViolationError, whose ``path`` leads to the first offending part; the message lists
    up to five violations. Raises InvalidSchemaError as ``check_schema`` does.
    """
    if schema == {} or schema is True:
        return
    cost = measure_schema(schema, name=f"the schema of {name}")
    steps = cost.steps(measure_value(value, name=name))
    if steps > MAX_STEPS:
        raise SchemaViolationError(
            f"{name} is too large to be checked against its schema in reasonable time; "
            "a simpler schema (fewer nested alternatives) helps",
            path=name,
        )
    validator = _validator(schema, f"the schema of {name}")
    try:
        if validator.is_valid(value):
            return
        errors = _violations(validator, value, steps)
    except ValueError as error:
        raise SchemaViolationError(f"{name} is not plain JSON data: {error}", path=name) from error
    _refuse(errors, value, schema, name)


def with_defaults(inputs: Mapping[str, Any], schema: JsonSchema) -> dict[str, Any]:
    """Return the inputs, with the schema's default for each top-level property that is absent."""
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    defaults = {
        key: part["default"]
        for key, part in properties.items()
        if isinstance(part, Mapping) and "default" in part and key not in inputs
    }
    return {**inputs, **defaults}


def _validator(schema: JsonSchema, name: str) -> Any:
    import jsonschema_rs

    plain = dict(schema) if isinstance(schema, Mapping) else schema
    regex = jsonschema_rs.RegexOptions(size_limit=_REGEX_BYTES, dfa_size_limit=_REGEX_BYTES)
    try:
        return jsonschema_rs.validator_for(plain, pattern_options=regex, offline=True)
    except jsonschema_rs.ValidationError as error:
        raise InvalidSchemaError(_explain_schema_error(error, name)) from error
    except ValueError as error:
        raise InvalidSchemaError(f"{name} is not plain JSON data: {error}") from error


def _explain_schema_error(error: Any, name: str) -> str:
    place = _place(name, error.instance_path)
    if error.kind.name == "format" and error.kind.as_dict().get("format") == "regex":
        return f"{place}: the pattern {_show(error.instance)} is refused; {_NO_PATTERN}"
    return f"{place}: {_shorten(error.message)}"


def _violations(validator: Any, value: Any, steps: int) -> list[Any]:
    """All violations of a small value, the first one of a large value: each costs memory."""
    import jsonschema_rs

    if steps <= _STEPS_TO_LIST_ALL:
        return list(validator.iter_errors(value))
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return [error]
    return []


def _refuse(errors: Sequence[Any], value: Any, schema: JsonSchema, name: str) -> None:
    ordered = sorted(errors, key=lambda error: len(error.instance_path))
    told = list(dict.fromkeys(_explain(error, value, schema, name) for error in ordered))
    more = f"; and {len(told) - _LISTED} more" if len(told) > _LISTED else ""
    path = _place(name, ordered[0].instance_path) if ordered else name
    raise SchemaViolationError("; ".join(told[:_LISTED]) + more, path=path)


def _explain(error: Any, value: Any, schema: JsonSchema, name: str) -> str:
    place = _place(name, error.instance_path)
    part = _at(value, error.instance_path)
    kind = error.kind.name
    details = error.kind.as_dict()
    known = _properties(schema, error.schema_path)
    if kind in ("additionalProperties", "unevaluatedProperties"):
        told = [f"unknown key {key!r}{nearest(key, known)}" for key in details["unexpected"]]
        listed = ", ".join(sorted(known)) or "none"
        return f"{place}: {', '.join(told[:_LISTED])}; allowed: {listed}"
    if kind == "required":
        missing = details["property"]
        unknown = [key for key in part if key not in known] if isinstance(part, Mapping) else []
        given = nearest(missing, unknown).replace("; did you mean", "; given instead:").rstrip("?")
        return f"{place}: {missing!r} is missing{given}"
    return f"{place}: {_show(part)} {_broken_rule(kind, details, schema, error.schema_path)}"


def _broken_rule(
    kind: str, details: Mapping[str, Any], schema: JsonSchema, path: Sequence[str | int]
) -> str:
    if kind == "type":
        return f"is not of type {' or '.join(repr(item) for item in details['types'])}"
    if kind == "enum":
        options = ", ".join(_show(option) for option in details["options"][:20])
        return f"is not one of {options}"
    rule = _at(schema, path)
    shown = f" ({_show(rule)})" if isinstance(rule, str | int | float) else ""
    return f"does not fit {kind!r}{shown}"


def _properties(schema: JsonSchema, path: Sequence[str | int]) -> list[str]:
    part = _at(schema, path[:-1])
    known = part.get("properties") if isinstance(part, Mapping) else None
    return list(known) if isinstance(known, Mapping) else []


def _at(whole: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        try:
            whole = whole[step]
        except (KeyError, IndexError, TypeError):
            return None
    return whole


def _place(name: str, path: Sequence[str | int]) -> str:
    parts = [name]
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif re.fullmatch(r"\w+", step):
            parts.append(f".{step}")
        else:
            parts.append(f"[{step[:_SHOWN]!r}]")
    return "".join(parts)


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object with {len(value)} keys"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 256:
        return "a very large integer"
    return _shorten(repr(value))


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN * 2 else f"{text[: _SHOWN * 2]}..."
