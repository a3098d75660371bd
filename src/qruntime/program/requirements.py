# SPDX-License-Identifier: Apache-2.0
"""What a program requires of its backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qruntime.errors import InvalidInputError, SchemaViolationError
from qruntime.program.models import configuration_from
from qruntime.program.schema import validate
from qruntime.wire import plain

_MIN_QUBITS = "min_num_qubits"


def check_requirements(requirements: Mapping[str, Any], backend: Any) -> None:
    """Check a backend against a program's requirements.

    They are ``{"min_num_qubits": n}`` as in 2021, or a JSON Schema for the backend's configuration
    as a dict, or both. A simulator that states no width has any width.

    Raises:
        InvalidInputError: the backend does not meet them; the message says which.
    """
    schema = {key: value for key, value in requirements.items() if key != _MIN_QUBITS}
    least = requirements.get(_MIN_QUBITS, 0)
    if least and backend.num_qubits is not None and backend.num_qubits < least:
        raise InvalidInputError(
            f"the program requires a backend with at least {least} qubits; '{backend.name}' has "
            f"{backend.num_qubits}"
        )
    if schema:
        configuration = plain(configuration_from(backend.configuration()).to_dict())
        try:
            validate(configuration, schema, name="configuration")
        except SchemaViolationError as error:
            raise InvalidInputError(
                f"backend '{backend.name}' does not meet the program's requirements: {error}"
            ) from error
