# SPDX-License-Identifier: Apache-2.0
"""Whether a device works at the moment, and how long its queue is."""

from __future__ import annotations

from typing import Any, Self

from qiskit.exceptions import QiskitError

from qruntime.program.models.record import Record


class BackendStatus(Record):
    """The state of a device. A negative number of pending jobs is refused with a QiskitError."""

    def __init__(
        self,
        backend_name: str,
        backend_version: str,
        operational: bool,
        pending_jobs: int,
        status_msg: str,
    ) -> None:
        if pending_jobs < 0:
            raise QiskitError("Pending jobs must be >=0")
        self.backend_name = backend_name
        self.backend_version = backend_version
        self.operational = operational
        self.pending_jobs = pending_jobs
        self.status_msg = status_msg

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the status that ``to_dict`` described."""
        return cls(**data)
