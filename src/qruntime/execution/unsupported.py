# SPDX-License-Identifier: Apache-2.0
"""The error with which the compiled simulator declines a circuit."""

from __future__ import annotations

from qruntime.errors import InvalidCircuitError


class NotSupportedError(InvalidCircuitError):
    """The compiled statevector cannot take this circuit; another way of running it may.

    ``reason`` says why, in words that can follow "because".
    """

    code = "not_supported"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the compiled statevector does not take this circuit: {reason}")
        self.reason = reason
