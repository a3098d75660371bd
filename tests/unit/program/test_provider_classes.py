# SPDX-License-Identifier: Apache-2.0
"""The provider classes that Qiskit 2 removed."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit.providers import QiskitBackendNotFoundError

from qruntime import Provider, ProviderV1


class Lab(ProviderV1):
    def backends(self, name: str | None = None, **kwargs: Any) -> list[Any]:
        return [item for item in ("a", "b") if name in (None, item)]


def test_versions_are_the_old_ones() -> None:
    assert (Provider.version, ProviderV1.version) == (0, 1)
    assert issubclass(ProviderV1, Provider)


def test_backends_is_the_one_abstract_member() -> None:
    assert ProviderV1.__abstractmethods__ == {"backends"}


def test_get_backend_returns_the_one_that_fits() -> None:
    assert Lab().get_backend("b") == "b"
    assert Lab().get_backend(name="a") == "a"


def test_get_backend_refuses_none_and_many_with_the_old_messages() -> None:
    with pytest.raises(QiskitBackendNotFoundError, match="No backend matches the criteria"):
        Lab().get_backend("c")
    with pytest.raises(QiskitBackendNotFoundError, match="More than one backend matches"):
        Lab().get_backend()


def test_calling_a_provider_gives_itself() -> None:
    lab = Lab()

    assert lab() is lab


def test_providers_are_equal_by_the_name_of_their_class() -> None:
    assert Lab() == Lab()
    assert hash(Lab()) == hash(Lab())
    assert Lab() != object()
