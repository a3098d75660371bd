# SPDX-License-Identifier: Apache-2.0
"""One gate of a device: its name, its parameters and where it can be applied."""

from __future__ import annotations

from typing import Any, Self

from qruntime.program.models.record import Record


class GateConfig(Record):
    """A gate as a device offers it.

    ``coupling_map`` lists the qubits it can be applied to, ``latency_map`` its latencies. These
    two, ``conditional`` and ``description`` are attributes only if they were given.
    """

    def __init__(
        self,
        name: str,
        parameters: list[str],
        qasm_def: str,
        coupling_map: list[list[int]] | None = None,
        latency_map: list[list[int]] | None = None,
        conditional: bool | None = None,
        description: str | None = None,
    ) -> None:
        self.name = name
        self.parameters = parameters
        self.qasm_def = qasm_def
        if coupling_map:
            self.coupling_map = coupling_map
        if latency_map:
            self.latency_map = latency_map
        if conditional is not None:
            self.conditional = conditional
        if description is not None:
            self.description = description

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the gate that ``to_dict`` described."""
        return cls(**data)

    def __repr__(self) -> str:
        shown = [str(self.name), str(self.parameters), str(self.qasm_def)]
        shown += [
            repr(value)
            for name in ("coupling_map", "latency_map", "conditional", "description")
            if (value := getattr(self, name, None)) is not None
        ]
        return f"GateConfig({', '.join(shown)})"
