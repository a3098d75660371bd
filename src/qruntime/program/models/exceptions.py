# SPDX-License-Identifier: Apache-2.0
"""The two errors of the data models, under the names that programs catch."""

from __future__ import annotations

from qiskit.exceptions import QiskitError


class BackendConfigurationError(QiskitError):
    """A configuration cannot answer what it was asked."""


class BackendPropertyError(QiskitError):
    """The properties do not know a qubit, a gate, a value or a unit."""
