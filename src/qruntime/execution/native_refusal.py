# SPDX-License-Identifier: Apache-2.0
"""The error with which the native Aer tier and the Clifford tier decline work."""

from __future__ import annotations

from qruntime.errors import QRuntimeError


class NotSupportedError(QRuntimeError):
    """A tier cannot take these circuits or options; another way of running them may.

    ``tier`` is the tier's name; ``reason`` says why, in words that can follow "because".
    """

    code = "not_supported"

    def __init__(self, tier: str, reason: str) -> None:
        super().__init__(f"the {tier} tier does not take this: {reason}")
        self.tier = tier
        self.reason = reason
