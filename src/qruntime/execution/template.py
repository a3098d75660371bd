# SPDX-License-Identifier: Apache-2.0
"""Templates: circuits compiled once and run for many values of their parameters."""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.result import Result

from qruntime.errors import InvalidInputError, UnsupportedOptionError
from qruntime.execution.checks import check_angles, run_seed, run_shots
from qruntime.execution.estimates import Estimate
from qruntime.execution.program import check_shots
from qruntime.execution.readout import Samples
from qruntime.execution.sampled import Item, SampledResult
from qruntime.execution.shared import SharedPrefixes
from qruntime.execution.tiers import MAX_KERNEL_QUBITS, KernelTier, Rows, choose
from qruntime.program.job import FinishedJob

Finish = Callable[[Result], Result]


class Template:
    """Circuits compiled for a backend, in the order of their list. Made by ``backend.compile``.

    Nothing of it changes: it may be used from several threads, and changes to the circuits after
    ``compile`` have no effect on it.
    """

    def __init__(
        self,
        backend: Any,
        circuits: Sequence[QuantumCircuit],
        options: Mapping[str, Any],
        *,
        single: bool,
        tier: str | None = None,
        finish: Finish = lambda result: result,
    ) -> None:
        self._backend = backend
        self._options = dict(options)
        self._single = single
        self._finish = finish
        for index, circuit in enumerate(circuits):
            check_angles(circuit, index)
        self._tiers = [choose(circuit, options, tier) for circuit in circuits]
        kernels = [tier.program for tier in self._tiers if isinstance(tier, KernelTier)]
        self._together = SharedPrefixes.of(kernels)
        only = self._tiers[0]
        self._only = only if len(self._tiers) == 1 and isinstance(only, KernelTier) else None
        self._before: Callable[[], None] = _nothing
        self._after: Callable[[int, int], None] = _nothing

    def __len__(self) -> int:
        return len(self._tiers)

    @property
    def tiers(self) -> tuple[str, ...]:
        """How each circuit is run: ``kernel``, ``clifford``, ``native`` or ``aer``."""
        return tuple(tier.name for tier in self._tiers)

    @property
    def parameters(self) -> tuple[Parameter, ...] | tuple[tuple[Parameter, ...], ...]:
        """The parameters of the circuit, in its order; of each circuit, if a list was compiled."""
        each = tuple(tier.parameters for tier in self._tiers)
        return each[0] if self._single else each

    def watched(self, before: Callable[[], None], after: Callable[[int, int], None]) -> Template:
        """Return the template with a call before each run, and one of circuits and shots after."""
        made = copy.copy(self)
        made._before, made._after = before, after
        return made

    def run(
        self,
        values: Any = None,
        *,
        shots: int | None = None,
        seed: int | None = None,
        memory: bool | None = None,
    ) -> FinishedJob:
        """Sample the circuits and return a job that has finished.

        ``values`` has shape (P,) or (K, P): K bindings of the P parameters in the circuit's order;
        if a list was compiled, it is a list of such arrays, one a circuit. The experiments of the
        result come circuit by circuit, binding by binding. What is not given is as compiled. Equal
        seeds give equal counts on the same tier; every circuit and binding draws from a stream of
        its own.

        Raises:
            InvalidInputError: the values do not fit the parameters, or shots or seed are not what
                ``backend.run`` takes.
            ExecutionError: the simulation failed.
        """
        shots = self._options["shots"] if shots is None else run_shots(shots)
        items = self.items(values, shots=shots, seed=seed, memory=memory)
        result = SampledResult(
            items,
            backend_name=str(self._backend.name),
            date=time.time(),
            metadata={},
        )
        job = FinishedJob(
            self._backend, self._finish(result), circuits=len(items), shots=len(items) * shots
        )
        result.job_id = job.job_id()
        return job

    def items(
        self,
        values: Any = None,
        *,
        shots: int,
        seed: int | None = None,
        memory: bool | None = None,
    ) -> list[Item]:
        """Sample the circuits as ``run`` does and return the experiments as they come."""
        self._before()
        rows = self._rows(values)
        memory = bool(self._options.get("memory")) if memory is None else memory
        shots, root = run_shots(shots), self._root(seed)
        if self._only is not None:
            items = self._only.sample(rows[0], shots, root, 0, memory=memory)
        else:
            items = self._sample_all(rows, shots, root, memory=memory)
        self._after(len(items), len(items) * shots)
        return items

    def _root(self, seed: int | None) -> int:
        if seed is not None:
            return run_seed(seed)
        set_before: int | None = self._options.get("seed_simulator")
        return secrets.randbits(62) if set_before is None else set_before

    def _sample_all(self, rows: list[Rows], shots: int, seed: int, *, memory: bool) -> list[Item]:
        samples = self._sample_kernels(rows, shots, seed)
        items: list[Item] = []
        for tier, values_of_circuit in zip(self._tiers, rows, strict=True):
            if isinstance(tier, KernelTier):
                items += tier.items(next(samples), seed, memory=memory)
            else:
                items += tier.sample(values_of_circuit, shots, seed, len(items), memory=memory)
        return items

    def expectation(self, observables: Any, values: Any = None) -> NDArray[np.float64]:
        """Return exact expectation values in the states that the circuits prepare.

        Final measurements do not count. One observable (a ``SparsePauliOp``, ``Pauli`` or label)
        gives shape (K,), a list of M of them (K, M); for one binding given as (P,), the axis of K
        is left out. If a list of circuits was compiled, a list of such arrays is returned.

        Raises:
            UnsupportedOptionError: a circuit is not on the ``kernel`` tier, which alone has exact
                states, or has too many qubits for them; ``backend.estimator()`` estimates from
                shots there.
            InvalidInputError: values or observables do not fit.
        """
        self._before()
        one = not isinstance(observables, list | tuple)
        given = [observables] if one else observables
        found = []
        for tier, rows in self._kernels(values, "no exact expectation values"):
            each = tier.program.expectation(rows, tier.measurements.exact(given))
            self._after(len(rows), 0)
            found.append(each[:, 0] if one else each)
        if not self._single:
            return found  # type: ignore[return-value]  # a list of arrays, as documented
        return found[0][0] if values is None or np.ndim(values) == 1 else found[0]

    def estimate(
        self,
        observables: Any,
        values: Any = None,
        *,
        shots: int | None = None,
        seed: int | None = None,
    ) -> Estimate:
        """Estimate expectation values from shots, as a device would have to.

        The Pauli strings of all observables are measured in groups that commute qubit by qubit,
        each group with so many ``shots``; for every binding the state is computed once and all
        bases are sampled from it. Returns ``(evs, stds)``: the estimates and their standard errors,
        each shaped as by ``expectation``. Estimates of observables with strings in the same group
        share its shots. If a list of circuits was compiled, a list of such pairs is returned.

        Raises:
            UnsupportedOptionError: a circuit is not on the ``kernel`` tier, or has too many qubits;
                ``backend.estimator()`` estimates from shots there.
            InvalidInputError: values or observables do not fit, or shots are fewer than two or more
                than 2**32 - 1.
        """
        self._before()
        shots = self._options["shots"] if shots is None else shots
        check_shots(shots, least=2)  # one shot has no standard error
        shots, root = int(shots), self._root(seed)
        one = not isinstance(observables, list | tuple)
        given = [observables] if one else observables
        found = []
        for index, (tier, rows) in enumerate(self._kernels(values, "no estimates by bases")):
            measurement = tier.measurements.sampled(given)
            each = measurement.estimate(rows, shots, seed=root, stream=-1 - index)
            number = len(measurement.bases)
            self._after(len(rows) * number, len(rows) * number * shots)
            flat = self._single and (values is None or np.ndim(values) == 1)
            evs, stds = (part[:, 0] if one else part for part in each)
            found.append(Estimate(evs[0], stds[0]) if flat else Estimate(evs, stds))
        return found[0] if self._single else found  # type: ignore[return-value]  # as documented

    def _kernels(self, values: Any, lacking: str) -> Iterator[tuple[KernelTier, Rows]]:
        """Yield all circuits, of which each must be on the kernel tier, with their rows."""
        for index, (tier, rows) in enumerate(zip(self._tiers, self._rows(values), strict=True)):
            if not isinstance(tier, KernelTier):
                raise UnsupportedOptionError(
                    f"circuit {index} has {lacking} on the '{tier.name}' tier "
                    f"({tier.reason}); backend.estimator() estimates from shots there"
                )
            if tier.narrowed:
                raise UnsupportedOptionError(
                    f"circuit {index} has {lacking}: it has more than {MAX_KERNEL_QUBITS} qubits; "
                    "backend.estimator() estimates from shots there"
                )
            yield tier, rows

    def _sample_kernels(self, rows: list[Rows], shots: int, seed: int) -> Iterator[Samples]:
        """Sample all circuits on the kernel tier; each stream is the number of its experiment."""
        firsts = accumulate(map(len, rows), initial=0)
        mine = [
            (values, first)
            for tier, values, first in zip(self._tiers, rows, firsts, strict=False)
            if isinstance(tier, KernelTier)
        ]
        streams = [first for _, first in mine]
        values = [values for values, _ in mine]
        return iter(self._together.sample(values, shots, seed=seed, streams=streams))

    def _rows(self, values: Any) -> list[Rows]:
        if self._single:
            return [_row_matrix(values, len(self._tiers[0].parameters), 0)]
        given = values
        if given is None:
            given = [None] * len(self._tiers)
        listed = isinstance(given, list | tuple) or (isinstance(given, np.ndarray) and given.ndim)
        if not listed or len(given) != len(self._tiers):
            raise InvalidInputError(
                f"values must be a list with one array a circuit: {len(self._tiers)} of them"
            )
        given = list(given)  # so that each is one object, and stays the only one of its id
        read: dict[tuple[int, int], Rows] = {}
        keys = [
            (id(item), len(tier.parameters)) for tier, item in zip(self._tiers, given, strict=True)
        ]
        for index, key in enumerate(keys):
            if key not in read:  # many bases of one ansatz come with one array
                read[key] = _row_matrix(given[index], key[1], index)
        return [read[key] for key in keys]


def _nothing(*_: Any) -> None:
    """Do nothing."""


def _row_matrix(values: Any, width: int, index: int) -> Rows:
    if values is None and width == 0:
        return np.empty((1, 0))
    try:
        rows = np.asarray(values, dtype=np.float64, order="C")
        if rows.ndim < 2:
            rows = rows.reshape(1, -1)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"the values for circuit {index} must be numbers of shape ({width},) or (K, {width})"
        ) from error
    if values is None or rows.ndim != 2 or rows.shape[1] != width or not len(rows):
        shape = "none" if values is None else f"shape {np.shape(values)}"
        raise InvalidInputError(
            f"circuit {index} has {width} parameters: its values must have shape ({width},) or "
            f"(K, {width}), not {shape}"
        )
    if not isfinite(rows.sum()) and not np.isfinite(rows).all():
        raise InvalidInputError(f"the values for circuit {index} must be finite numbers")
    return rows
