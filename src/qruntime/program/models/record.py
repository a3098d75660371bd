# SPDX-License-Identifier: Apache-2.0
"""What all data models share: equality by content, and attributes that nobody foresaw."""

from __future__ import annotations

from typing import Any


class Record:
    """Data that is equal to other data of its class with the same ``to_dict()``."""

    def to_dict(self) -> dict[str, Any]:
        """Return the data as a new dictionary; here: all attributes that were given."""
        return dict(vars(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment] # the data can change, as the old classes allow


class OpenRecord(Record):
    """A record that keeps keywords it does not know, and offers them as attributes."""

    _data: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        # copy and pickle look for methods before there is any state
        extra = vars(self).get("_data", {})
        if name not in extra:
            raise AttributeError(f"Attribute {name} is not defined")
        return extra[name]

    def _extra(self) -> dict[str, Any]:
        """Return the unforeseen attributes with the values that they have now."""
        return {name: getattr(self, name) for name in self._data}
