# SPDX-License-Identifier: Apache-2.0
"""Qiskit's ``Result`` over what the engine measured: made of arrays when somebody looks."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from qiskit import QuantumCircuit
from qiskit.result import Counts
from qiskit.result.models import ExperimentResult, ExperimentResultData

from qruntime.execution.lazy_counts import LazyCounts
from qruntime.execution.native_result import NativeResult
from qruntime.execution.readout import Samples
from qruntime.program.faces import Header


def header_of(circuit: QuantumCircuit) -> dict[str, Any]:
    """Return the header of a circuit's experiment, with the fields that Aer gives."""
    return {
        "creg_sizes": [[register.name, register.size] for register in circuit.cregs],
        "global_phase": 0.0,
        "memory_slots": circuit.num_clbits,
        "n_qubits": circuit.num_qubits,
        "name": circuit.name,
        "qreg_sizes": [[register.name, register.size] for register in circuit.qregs],
        "metadata": circuit.metadata,
    }


def own_header(header: Mapping[str, Any]) -> Header:
    """Return a copy that shares nothing which can be changed."""
    return Header(
        {
            **header,
            "creg_sizes": [list(register) for register in header["creg_sizes"]],
            "qreg_sizes": [list(register) for register in header["qreg_sizes"]],
            "metadata": copy.deepcopy(header["metadata"]) if header["metadata"] else {},
        }
    )


@dataclass(frozen=True, slots=True)
class Sampled:
    """One experiment of the compiled statevector: row ``binding`` of ``samples``."""

    samples: Samples
    binding: int
    header: Mapping[str, Any]
    seed: int | None
    memory: bool

    def counts(self) -> Counts:
        """Return the counts as ``Result.get_counts`` gives them."""
        keys, occurrences = self.samples.row(self.binding)
        strings = self.samples.readout.strings(keys)
        return LazyCounts.of(
            zip(strings, occurrences.tolist(), strict=True),
            [list(register) for register in self.header["creg_sizes"]],
            self.header["memory_slots"],
        )

    def experiment(self) -> ExperimentResult:
        """Return the experiment as Qiskit's ``Result`` holds it."""
        data: dict[str, Any] = {"counts": self.samples.hex_counts(self.binding)}
        if self.memory:
            numbers = self.samples.readout.integers(self.samples.shot_keys(self.binding))
            data["memory"] = [hex(number) for number in numbers]
        metadata = {
            "method": "statevector",
            "tier": "kernel",
            "num_qubits": self.header["n_qubits"],
        }
        return ExperimentResult(
            shots=self.samples.shots,
            success=True,
            data=ExperimentResultData(**data),
            header=own_header(self.header),
            status="DONE",
            seed_simulator=self.seed,
            metadata=metadata,
        )


Item: TypeAlias = Sampled | ExperimentResult


def _experiment(item: Item) -> ExperimentResult:
    if isinstance(item, Sampled):
        return item.experiment()
    if not isinstance(item.header, Header):
        item.header = Header(item.header)
    return item


class SampledResult(NativeResult):
    """A ``Result`` whose experiments are made at the first look; counts do not need them."""

    makes_headers = True
    _date: str | float | None

    def __init__(self, items: Sequence[Item], **fields: Any) -> None:
        self._items = list(items)
        self._made: list[ExperimentResult] | None = None
        super().__init__(success=True, status="COMPLETED", **fields)

    @property
    def date(self) -> str | None:
        """When it was made, in ISO format; given as such, or as seconds since 1970."""
        if isinstance(self._date, float):
            self._date = datetime.fromtimestamp(self._date).isoformat()
        return self._date

    @date.setter
    def date(self, value: Any) -> None:
        """Keep it as it is; it is formatted when somebody looks."""
        self._date = value

    @property
    def results(self) -> list[ExperimentResult]:
        """The experiments."""
        if self._made is None:
            self._made = [_experiment(item) for item in self._items]
        return self._made

    @results.setter
    def results(self, value: Any) -> None:
        """Take what Qiskit's constructor sets, which is nothing, or another list of experiments."""
        if value is not None:
            self._made = list(value)

    def get_counts(self, experiment: Any = None) -> Any:
        """Return the counts of an experiment, or of all of them: a dict, or a list if many."""
        if self._made is None:
            number = len(self._items)
            if experiment is None and all(isinstance(item, Sampled) for item in self._items):
                found = [item.counts() for item in self._items if isinstance(item, Sampled)]
                return found[0] if number == 1 else found
            if isinstance(experiment, int) and -number <= experiment < number:
                item = self._items[experiment]
                if isinstance(item, Sampled):
                    return item.counts()
        return super().get_counts(experiment)
