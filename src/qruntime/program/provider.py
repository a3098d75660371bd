# SPDX-License-Identifier: Apache-2.0
"""The provider classes that Qiskit 2.0 removed: a source of backends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from qiskit.providers import QiskitBackendNotFoundError


class Provider(ABC):  # noqa: B024  the base that Qiskit 1 had: subclasses choose their methods
    """The common type of all providers. Calling one gives itself: ``backend.provider()`` works."""

    version = 0

    def __call__(self) -> Provider:
        """Return the provider itself."""
        return self


class ProviderV1(Provider):
    """A provider: subclasses say which ``backends`` there are."""

    version = 1

    @abstractmethod
    def backends(self, name: str | None = None, **kwargs: Any) -> list[Any]:
        """Return the backends, those of this ``name`` if one is given."""

    def get_backend(self, name: str | None = None, **kwargs: Any) -> Any:
        """Return the one backend that fits.

        Raises:
            QiskitBackendNotFoundError: none fits, or more than one.
        """
        found = self.backends(name, **kwargs)
        if len(found) > 1:
            raise QiskitBackendNotFoundError("More than one backend matches the criteria")
        if not found:
            raise QiskitBackendNotFoundError("No backend matches the criteria")
        return found[0]

    def __eq__(self, other: object) -> bool:
        return type(self).__name__ == type(other).__name__

    def __hash__(self) -> int:
        return hash(type(self).__name__)
