# SPDX-License-Identifier: Apache-2.0
"""The backends of a server: which there are, what is known of them, what a job asks of one."""

from __future__ import annotations

import json
import threading
from typing import Any

from qruntime import wire
from qruntime.backends.registry import BackendRegistry, with_own_options
from qruntime.core.jobs import JobOptions
from qruntime.core.programs import ProgramSpec
from qruntime.program.backend import ProgramBackend
from qruntime.program.models import configuration_from
from qruntime.program.requirements import check_requirements


class Backends:
    """Looks at backends. Each is made once: making one may take a second."""

    def __init__(self, registry: BackendRegistry) -> None:
        self._registry = registry
        self._made: dict[str, ProgramBackend] = {}
        self._making = threading.Lock()

    def names(self) -> list[str]:
        """Return the names of all backends, sorted."""
        return self._registry.names()

    def find(self, name: str) -> ProgramBackend:
        """Return the backend of this name with options of its own.

        Raises:
            BackendNotFoundError: there is none; the message has the nearest names.
            MissingDependencyError: it needs an optional package.
        """
        with self._making:
            found = self._made.get(name)
            if found is None:
                found = self._made[name] = self._registry.create(name)
        return with_own_options(found)

    def check(self, options: JobOptions, spec: ProgramSpec) -> None:
        """Check that a job's backend exists, takes its options and is enough for its program.

        The backend options of a job that comes over a network are still encoded.

        Raises:
            BackendNotFoundError: there is none of this name.
            InvalidInputError: it does not take an option, or is too small.
        """
        backend = self.find(options.backend_name)
        decoded = wire.decode(json.dumps(dict(options.backend_options)))
        if decoded:
            backend.set_options(**decoded)
        check_requirements(spec.backend_requirements, backend)

    def describe(self, name: str) -> dict[str, Any]:
        """Return configuration, properties, status and default options as plain data.

        Raises:
            BackendNotFoundError: there is none of this name.
        """
        backend = self.find(name)
        properties = backend.properties()
        return {
            "name": str(backend.name),
            "configuration": _encoded(configuration_from(backend.configuration()).to_dict()),
            "properties": None if properties is None else _encoded(properties.to_dict()),
            "status": _encoded(backend.status().to_dict()),
            "options": _encoded(dict(backend.options.items())),
        }


def _encoded(value: Any) -> Any:
    return json.loads(wire.encode(value, root="backend"))
