# SPDX-License-Identifier: Apache-2.0
"""``RuntimeProgram`` and ``ParameterNamespace``: a program as its user sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from qruntime.client.connection import Connection
from qruntime.core.programs import Program, ProgramSource
from qruntime.errors import InvalidInputError
from qruntime.program.metadata import to_dict


class ParameterNamespace(SimpleNamespace):
    """The inputs of a program as attributes, None until set: ``inputs.iterations = 10``."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        properties = parameters.get("properties", {})
        super().__init__()
        vars(self).update(dict.fromkeys(properties))
        self.__metadata = {
            "properties": properties,
            "required": tuple(parameters.get("required", ())),
        }

    @property
    def metadata(self) -> dict[str, Any]:
        """The schema's ``properties`` and ``required``."""
        return self.__metadata

    def validate(self) -> None:
        """Check that every required input is set that the schema has no default for.

        Raises:
            InvalidInputError: one is None; the message names it.
        """
        properties = self.__metadata["properties"]
        missing = [
            name
            for name in self.__metadata["required"]
            if vars(self)[name] is None and "default" not in properties.get(name, {})
        ]
        if missing:
            raise InvalidInputError(f"required inputs are not set: {', '.join(missing)}")

    def __repr__(self) -> str:
        shown = (f"{name}={vars(self)[name]!r}" for name in self.__metadata["properties"])
        return f"ParameterNamespace({', '.join(shown)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the inputs that are set."""
        return {
            name: value
            for name, value in vars(self).items()
            if not name.startswith("_ParameterNamespace__") and value is not None
        }


class RuntimeProgram:
    """A program that the runtime holds. Its source is fetched when it is asked for."""

    def __init__(self, program: Program, connection: Connection) -> None:
        self._program = program
        self._connection = connection

    def _source(self) -> ProgramSource:
        if self._program.current.source is None:
            self._program = self._connection.program(self.program_id)
        return self._program.source

    @property
    def program_id(self) -> str:
        """The id to run it by."""
        return self._program.program_id

    @property
    def name(self) -> str:
        """The name that its author gave."""
        return self._program.metadata.name

    @property
    def description(self) -> str:
        """What it does."""
        return self._program.metadata.description

    @property
    def max_execution_time(self) -> int | None:
        """The longest that a job of it may run, in seconds; None for no limit."""
        return self._program.metadata.max_execution_time

    @property
    def backend_requirements(self) -> dict[str, Any]:
        """What it requires of a backend."""
        return dict(self._program.metadata.spec.backend_requirements)

    @property
    def return_values(self) -> dict[str, Any]:
        """The JSON Schema of its result."""
        return dict(self._program.metadata.spec.return_values)

    @property
    def interim_results(self) -> dict[str, Any]:
        """The JSON Schema of its interim results."""
        return dict(self._program.metadata.spec.interim_results)

    @property
    def creation_date(self) -> datetime:
        """When it was uploaded."""
        return self._program.created

    @property
    def update_date(self) -> datetime:
        """When it was last changed."""
        return self._program.updated

    @property
    def digest(self) -> str:
        """The content hash of its source."""
        return self._source().digest

    @property
    def data(self) -> str:
        """The source of its entry point."""
        source = self._source()
        return source.files[source.entry_point].decode()

    def parameters(self) -> ParameterNamespace:
        """Return the inputs as attributes to set, for ``service.run(program_id, inputs=...)``."""
        return ParameterNamespace(self._program.metadata.spec.parameters)

    def to_dict(self) -> dict[str, Any]:
        """Return id, metadata and dates as a dict."""
        return {
            "program_id": self.program_id,
            "creation_date": self.creation_date,
            "update_date": self.update_date,
            **to_dict(self._program.metadata),
        }

    def __repr__(self) -> str:
        return f"<RuntimeProgram('{self.program_id}')>"

    def __str__(self) -> str:
        lines = [
            f"{self.program_id}:",
            f"  Name: {self.name}",
            f"  Description: {self.description}",
            f"  Creation date: {self.creation_date:%Y-%m-%d %H:%M:%S %Z}",
            f"  Max execution time: {self.max_execution_time or 'no limit'}",
            "  Input parameters:",
        ]
        schema = self._program.metadata.spec.parameters
        required = schema.get("required", ())
        for name, schema_of_input in schema.get("properties", {}).items():
            about = schema_of_input if isinstance(schema_of_input, Mapping) else {}
            need = "required" if name in required else f"default {about.get('default')!r}"
            text = about.get("description", "")
            lines.append(f"    {name} ({about.get('type', 'any')}, {need}): {text}".rstrip(": "))
        return "\n".join(lines)
