# SPDX-License-Identifier: Apache-2.0
"""The error with which a tier declines work that another may take."""

from __future__ import annotations

from qruntime.errors import UnsupportedOptionError


class NotSupportedError(UnsupportedOptionError):
    """A tier cannot take these circuits or options; another way of running them may.

    ``reason`` says why, in words that can follow "because"; ``tier`` is the tier's name.
    """

    code = "not_supported"

    def __init__(self, reason: str, *, tier: str = "kernel") -> None:
        super().__init__(f"the tier '{tier}' does not take this: {reason}")
        self.reason = reason
        self.tier = tier
