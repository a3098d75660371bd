# SPDX-License-Identifier: Apache-2.0
"""What is typed on the command line, as values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qruntime.errors import InvalidInputError, QRuntimeError


def pairs(items: Iterable[str], option: str) -> dict[str, Any]:
    """Return ``KEY=VALUE`` items as a dict; a value is JSON if it can be read as that, else text.

    Raises:
        InvalidInputError: an item has no ``=``, or a key is given twice.
    """
    found: dict[str, Any] = {}
    for item in items:
        key, separator, text = item.partition("=")
        if not separator or not key:
            raise InvalidInputError(f"{option} takes KEY=VALUE, not {item!r}")
        if key in found:
            raise InvalidInputError(f"{option} {key} is given twice")
        found[key] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"a value of {len(text)} characters cannot be read: {error}"
        ) from error


def inputs_file(path: Path | None) -> dict[str, Any]:
    """Return the inputs in a JSON file, which may hold tagged values as they travel.

    Raises:
        InvalidInputError: there is no such file, or it does not hold a JSON object.
    """
    if path is None:
        return {}
    from qruntime import wire

    try:
        inputs = wire.decode(path.read_text())
    except OSError as error:
        raise InvalidInputError(f"--inputs {path}: {error.strerror or error}") from error
    except (QRuntimeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"--inputs {path}: {error}") from error
    if not isinstance(inputs, dict):
        raise InvalidInputError(
            f"--inputs {path} must hold a JSON object of inputs, not a {type(inputs).__name__}"
        )
    return inputs
