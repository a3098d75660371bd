# SPDX-License-Identifier: Apache-2.0
"""A plain run: each circuit goes to the fastest tier that takes it, the others to Aer."""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterExpression
from qiskit.result import Result

from qruntime.backends.aer_simulate import simulate
from qruntime.backends.circuits import Work
from qruntime.errors import ExecutionError, UnsupportedOptionError
from qruntime.execution.checks import check_angles, check_numbers
from qruntime.execution.forms import FORMS, Read, read
from qruntime.execution.native import MAX_EXPERIMENTS_PER_CALL, NativeProgram
from qruntime.execution.native_aer import SEED_STEP, as_signed
from qruntime.execution.sampled import Item, Sampled, SampledResult, header_of
from qruntime.execution.tiers import (
    Rows,
    check_clifford,
    check_clifford_options,
    check_kernel_options,
    clifford_experiment,
    named,
    succeeded,
)
from qruntime.execution.unsupported import NotSupportedError


@dataclass(frozen=True, slots=True)
class Plan:
    """What the options of a run say: Aer's part of them, and which tiers they leave.

    ``declined`` says why a tier cannot honour them, by its name.
    """

    options: Mapping[str, Any]
    tier: str | None
    declined: Mapping[str, str]

    @classmethod
    def of(cls, options: Mapping[str, Any], tier: str | None) -> Plan:
        """Return the plan for options of Aer, all of which are given, and a pinned tier or None."""
        declined = {}
        for name, check in (("kernel", check_kernel_options), ("clifford", check_clifford_options)):
            try:
                check(options)
            except NotSupportedError as error:
                declined[name] = error.reason
        return cls(options, tier, declined)

    @property
    def may_need_kernel(self) -> bool:
        """Whether circuits may go to the compiled statevector."""
        return self.tier in (None, "kernel") and "kernel" not in self.declined


def run(works: Sequence[Work], plan: Plan) -> Result:
    """Run every circuit with each of its rows of values, in order.

    Raises:
        UnsupportedOptionError: the pinned tier does not take a circuit.
        ExecutionError: Aer failed for at least one circuit.
    """
    started = time.perf_counter()
    seed = plan.options.get("seed_simulator")
    running = _Run(plan, secrets.randbits(62) if seed is None else seed)
    for index, work in enumerate(works):
        running.add(work, index)
    return running.finished(started)


class _Run:
    """Items in the order of the circuits; those for Aer wait until there are enough for a call."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._shots: int = plan.options["shots"]
        self._memory = bool(plan.options["memory"])
        self._items: list[Item] = []
        self._waiting: list[QuantumCircuit] = []
        self._answers: list[Result] = []

    def add(self, work: Work, index: int) -> None:
        known: Read | None = None
        if self._may_use("kernel"):
            known = read(work.circuit)
            check_numbers(known.numbers, work.circuit, index)
            try:
                made = self._on_kernel(work, known)
            except NotSupportedError as error:
                self._stop_if_pinned(error)
            else:
                self._add_items(made)
                return
        check_angles(work.circuit, index)
        for circuit in work.bound():
            self._add_bound(circuit, known if work.rows is None else None)

    def _add_bound(self, circuit: QuantumCircuit, known: Read | None) -> None:
        if self._may_use("clifford"):
            try:
                made = self._on_stim(circuit, known)
            except NotSupportedError as error:
                self._stop_if_pinned(error)
            else:
                self._add_items([made])
                return
        self._waiting.append(circuit)
        if len(self._waiting) == MAX_EXPERIMENTS_PER_CALL:
            self._call_aer()

    def finished(self, started: float) -> Result:
        self._call_aer()
        if len(self._answers) == 1 and len(self._answers[0].results) == len(self._items):
            return self._answers[0]
        metadata: dict[str, Any] = {}
        for answer in self._answers:
            metadata |= answer._metadata.get("metadata", {})
        return SampledResult(
            self._items,
            backend_version=aer_version(),
            date=datetime.now().isoformat(),
            time_taken=time.perf_counter() - started,
            metadata=metadata,
        )

    def _may_use(self, tier: str) -> bool:
        if self._plan.tier is None:
            return tier not in self._plan.declined
        if self._plan.tier == tier and tier in self._plan.declined:
            self._stop_if_pinned(NotSupportedError(self._plan.declined[tier], tier=tier))
        return self._plan.tier == tier

    def _stop_if_pinned(self, error: NotSupportedError) -> None:
        if self._plan.tier is not None:
            raise UnsupportedOptionError(str(error)) from error

    def _add_items(self, items: list[Item]) -> None:
        self._call_aer()
        self._items += items

    @property
    def _first(self) -> int:
        """How many experiments come before the next one."""
        return len(self._items) + len(self._waiting)

    def _on_kernel(self, work: Work, known: Read) -> list[Item]:
        program = FORMS.kernel(work.circuit, known)
        values = _values(work.rows, known.numbers)
        try:
            samples = program.sample(values, self._shots, seed=self._seed, stream=self._first)
        except MemoryError as error:
            raise ExecutionError(
                f"there is not enough memory for the {program.num_qubits} qubits of "
                f"'{work.circuit.name}'"
            ) from error
        header = _header(work.circuit)
        return [
            Sampled(samples, binding, header, self._seed, self._memory)
            for binding in range(len(samples))
        ]

    def _on_stim(self, circuit: QuantumCircuit, known: Read | None) -> Item:
        check_clifford(circuit, self._shots, pinned=self._plan.tier is not None)
        program = FORMS.clifford(circuit, known or read(circuit))
        seed = self._seed + SEED_STEP * self._first
        return clifford_experiment(
            program, _header(circuit), self._shots, seed, memory=self._memory
        )

    def _call_aer(self) -> None:
        if not self._waiting:
            return
        circuits, self._waiting = self._waiting, []
        first = len(self._items)
        options = {**self._plan.options, "seed_simulator": as_signed(self._seed, first)}
        if self._plan.tier == "native":
            answer = _native(circuits, options)
        else:
            answer = simulate(circuits, options, first=first)
        named(answer.results, "native" if self._plan.tier == "native" else "aer")
        self._answers.append(answer)
        self._items += answer.results


def _native(circuits: list[QuantumCircuit], options: Mapping[str, Any]) -> Result:
    try:
        program = NativeProgram.compile(circuits, options=options)
    except NotSupportedError as error:
        raise UnsupportedOptionError(str(error)) from error
    made = program.run(
        shots=options["shots"], seed=options["seed_simulator"], memory=bool(options["memory"])
    )
    answer = made.result()
    succeeded(answer)
    return answer


def _values(rows: Rows | None, numbers: list[float]) -> Rows:
    """Return rows of parameters and the circuit's own numbers."""
    own = np.array([numbers], dtype=np.float64)
    if rows is None:
        return own
    return np.hstack([rows, np.broadcast_to(own, (len(rows), own.shape[1]))])


def _header(circuit: QuantumCircuit) -> dict[str, Any]:
    header = header_of(circuit)
    header["metadata"] = copy.deepcopy(circuit.metadata)
    if not isinstance(circuit.global_phase, ParameterExpression):
        header["global_phase"] = float(circuit.global_phase)
    return header


@cache
def aer_version() -> str:
    """Return the version of Qiskit Aer."""
    import qiskit_aer

    return str(qiskit_aer.__version__)
