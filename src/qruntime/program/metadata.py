# SPDX-License-Identifier: Apache-2.0
"""Program metadata: read from a dict or a JSON file, and checked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qruntime.core.programs import ProgramMetadata, ProgramSource, ProgramSpec
from qruntime.errors import InvalidProgramError, nearest
from qruntime.program.schema import check_schema

_NAMES = ("program.json", "metadata.json")
_FIELDS = ("name", "description", "max_execution_time", "spec")
_SPEC_FIELDS = ("backend_requirements", "parameters", "return_values", "interim_results")
_WITHOUT_EFFECT = frozenset(
    {"id", "program_id", "version", "creation_date", "update_date", "is_public", "data", "author"}
)
"""Keys that files and answers of 2021-2023 carry; the runtime now decides these things itself."""
_LONGEST_TIME_SECONDS = 10**9


def read_metadata(
    metadata: Mapping[str, Any] | str | os.PathLike[str] | None, *, default_name: str
) -> ProgramMetadata:
    """Read and check metadata: a dict, the path of a JSON file, or None for a program without.

    Spellings of 2021-2023 are understood: ``cost`` for ``max_execution_time``, the parts of the
    spec at the top level, lists of named parts for schemas, and keys that have no effect now
    (``version``, ``is_public`` and such).

    Raises InvalidProgramError, which names the key, or InvalidSchemaError for a broken schema.
    """
    if metadata is None:
        return ProgramMetadata(name=default_name)
    given = metadata if isinstance(metadata, Mapping) else _read_file(Path(metadata).expanduser())
    fields = _modernise(given)
    _check_keys(fields, _FIELDS, "metadata")
    return ProgramMetadata(
        name=_text(fields, "name", default_name) or default_name,
        description=_text(fields, "description", ""),
        max_execution_time=_seconds(fields.get("max_execution_time")),
        spec=_spec(fields.get("spec")),
    )


def find_metadata(path: str | os.PathLike[str]) -> Path | None:
    """Return the metadata file of a program on disk, if there is one.

    ``vqe.json`` beside ``vqe.py``; ``program.json`` or ``metadata.json`` in a folder.
    """
    program = Path(path).expanduser()
    if program.is_dir():
        found = [program / name for name in _NAMES]
    else:
        found = [program.with_suffix(".json")]
    return next((file for file in found if file.is_file()), None)


def metadata_of(source: ProgramSource) -> dict[str, Any] | None:
    """Return what ``program.json`` or ``metadata.json`` at a program's top says, if there is one.

    Raises InvalidProgramError if the file is not a JSON object.
    """
    for name in _NAMES:
        if name in source.files:
            return _parse(source.files[name], name)
    return None


def to_dict(metadata: ProgramMetadata) -> dict[str, Any]:
    """Return metadata as plain data that ``read_metadata`` reads back."""
    return {
        "name": metadata.name,
        "description": metadata.description,
        "max_execution_time": metadata.max_execution_time,
        "spec": {field: dict(getattr(metadata.spec, field)) for field in _SPEC_FIELDS},
    }


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return _parse(path.read_bytes(), path.name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidProgramError(f"metadata file {str(path)!r}: {reason}") from error


def _parse(content: bytes, name: str) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidProgramError(f"{name} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InvalidProgramError(f"{name} must hold a JSON object, not {_kind(data)}")
    return data


def _modernise(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in given.items() if key not in _WITHOUT_EFFECT}
    if "cost" in fields:
        cost = fields.pop("cost")
        fields.setdefault("max_execution_time", cost)
    moved = {key: fields.pop(key) for key in _SPEC_FIELDS if key in fields}
    if not moved:
        return fields
    spec = fields.get("spec")
    if spec is not None and not isinstance(spec, Mapping):
        raise InvalidProgramError(f"metadata: 'spec' must be an object, not {_kind(spec)}")
    twice = [key for key in moved if spec and spec.get(key)]
    if twice:
        raise InvalidProgramError(f"metadata: {twice[0]!r} is given twice, in 'spec' and beside it")
    fields["spec"] = {**(spec or {}), **moved}
    return fields


def _check_keys(fields: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in fields:
        if key not in known:
            hint = nearest(str(key), known)
            allowed = ", ".join(known)
            raise InvalidProgramError(f"{where}: unknown key {key!r}{hint}; allowed: {allowed}")


def _text(fields: Mapping[str, Any], key: str, default: str) -> str:
    value = fields.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise InvalidProgramError(f"metadata: {key!r} must be text, not {_kind(value)}")
    return value.strip()


def _seconds(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidProgramError(
            f"metadata: 'max_execution_time' must be a whole number of seconds, not {value!r:.40}"
        )
    if not 0 < value <= _LONGEST_TIME_SECONDS:
        raise InvalidProgramError(
            f"metadata: 'max_execution_time' must lie between 1 and {_LONGEST_TIME_SECONDS} seconds"
        )
    return value


def _spec(value: Any) -> ProgramSpec:
    if value is None:
        return ProgramSpec()
    if not isinstance(value, Mapping):
        raise InvalidProgramError(f"metadata: 'spec' must be an object, not {_kind(value)}")
    _check_keys(value, _SPEC_FIELDS, "metadata: spec")
    return ProgramSpec(**{key: _spec_part(part, key) for key, part in value.items()})


def _spec_part(value: Any, key: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, list) and key != "backend_requirements":
        value = _schema_of_list(value, key)
    if not isinstance(value, Mapping):
        message = f"metadata: spec.{key} must be a JSON Schema (an object), not {_kind(value)}"
        raise InvalidProgramError(message)
    if key != "backend_requirements":
        check_schema(value, name=f"spec.{key}")
    return dict(value)


def _schema_of_list(items: list[Any], key: str) -> dict[str, Any]:
    """Read the oldest form, a list of ``{name, description, type, required}``, as a JSON Schema.

    Its types are free text, so they go into the description and check nothing.
    """
    properties: dict[str, Any] = {}
    required: list[str] = []
    for item in items:
        name = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(name, str):
            raise InvalidProgramError(f"metadata: spec.{key} has an item without a 'name'")
        told = [str(item[part]) for part in ("description", "type") if item.get(part)]
        properties[name] = {"description": "; ".join(told)}
        if item.get("required") in (True, "True", "true"):
            required.append(name)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def _kind(value: Any) -> str:
    names = {list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), type(value).__name__)
