# SPDX-License-Identifier: Apache-2.0
"""Values that are both what Qiskit 2 reads as an attribute and what old programs call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, SupportsIndex


class CallableName(str):
    """A backend's name: ``backend.name`` and ``backend.name()`` are the same plain text."""

    __slots__ = ()

    def __call__(self) -> str:
        """Return the name as a plain string."""
        return str(self)

    def __reduce__(self) -> tuple[type[CallableName], tuple[str]]:
        return CallableName, (str(self),)


class NoProvider:
    """Stands for "this backend has no provider": it is falsy, and calling it gives None."""

    __slots__ = ()

    def __call__(self) -> None:
        """Return None: there is no provider."""

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, NoProvider)

    def __hash__(self) -> int:
        return hash(None)

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "<no provider>"


class CallableFace:
    """An object that can also be called: it acts as the object it holds, and a call gives that."""

    __slots__ = ("_held",)

    def __init__(self, held: Any) -> None:
        object.__setattr__(self, "_held", held)

    def __call__(self) -> Any:
        """Return the object itself."""
        return self._held

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type[CallableFace], tuple[Any]]:
        return CallableFace, (self._held,)

    @property  # type: ignore[misc]  # isinstance() asks for __class__: the face passes for it
    def __class__(self) -> type:
        return type(self._held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._held, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._held, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._held, name)

    def __eq__(self, other: object) -> bool:
        return bool(self._held == (other() if type(other) is CallableFace else other))

    def __hash__(self) -> int:
        return hash(self._held)

    def __bool__(self) -> bool:
        return bool(self._held)

    def __dir__(self) -> list[str]:
        return dir(self._held)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held)

    def __str__(self) -> str:
        return str(self._held)

    def __repr__(self) -> str:
        return repr(self._held)


class Header(dict[str, Any]):
    """The header of a result: a dict, as Qiskit 2 has it, whose keys are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the header has no '{name}'; it has: {', '.join(self)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"the header has no '{name}'") from None

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dict, as the headers of Qiskit before 2.0 did."""
        return dict(self)
