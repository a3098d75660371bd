# SPDX-License-Identifier: Apache-2.0
"""The tier that keeps circuits assembled for Aer's native controller and binds them there."""

from __future__ import annotations

import copy
import secrets
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Delay

from qruntime.errors import ExecutionError, InvalidInputError
from qruntime.execution.native_aer import SEED_STEP, TIER, NativeAer, native_aer
from qruntime.execution.native_binding import Binding, Matrix, Table, read_binding
from qruntime.execution.native_result import NativeRun
from qruntime.execution.unsupported import NotSupportedError

MAX_EXPERIMENTS_PER_CALL = 100
"""Longer lists are run in parts: no time is lost, and Aer's working memory stays flat."""

_PER_RUN = frozenset({"shots", "seed_simulator", "memory", "noise_model", "parameterizations"})
_REFUSED: Mapping[str, tuple[Any, ...]] = {
    "device": (None, "CPU"),
    "executor": (None,),
    "runtime_parameter_bind_enable": (None, False),
}

Header = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Template:
    """One circuit, assembled. ``metadata`` is the program's own copy."""

    assembled: Any
    binding: Binding
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one template that go into one call of Aer, and their global phase."""

    template: _Template
    rows: Matrix
    phase: float


@dataclass(slots=True)
class NativeProgram:
    """Circuits that Aer runs as ``AerSimulator.run`` does, prepared once and bound many times.

    Equal seeds give the counts, memory and saved data of ``AerSimulator.run`` on the bound
    circuits, bit for bit. Changes to the circuits after ``compile`` have no effect. Threads may
    share a program; their runs take turns.
    """

    aer: NativeAer
    _templates: tuple[_Template, ...]
    _noise: Mapping[str, Any]
    _config: Any
    _listed: bool
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def compile(
        cls,
        circuits: QuantumCircuit | Sequence[QuantumCircuit],
        *,
        options: Mapping[str, Any] | None = None,
        noise_model: Any = None,
    ) -> Self:
        """Prepare circuits, with or without free parameters.

        ``options`` are run options of ``AerSimulator``; what belongs to a single run (shots, seed,
        memory) is left out of them.

        Raises:
            NotSupportedError: ``AerSimulator.run`` has to take these circuits or options, or has to
                say what is wrong with them.
        """
        aer = native_aer()
        given = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
        options = options or {}
        noise_model = options.get("noise_model") if noise_model is None else noise_model
        _refuse(given, options, noise_model)
        kept = {name: value for name, value in options.items() if name not in _PER_RUN}
        try:
            lowered, noise = aer.lower(given, noise_model)
            assembled, indices = aer.assemble(lowered)
            config = aer.config(lowered, kept)
            described = noise.to_dict(serializable=True) if noise else {}
        except Exception as error:  # private parts of Aer may fail in any way; run() tells why
            raise NotSupportedError(f"Aer could not prepare it: {error}", tier=TIER) from error
        templates = tuple(
            _Template(
                ready,
                read_binding(circuit, flat, places, aer.phase_place),
                copy.deepcopy(circuit.metadata),
            )
            for ready, circuit, flat, places in zip(assembled, given, lowered, indices, strict=True)
        )
        return cls(aer, templates, described, config, not isinstance(circuits, QuantumCircuit))

    def run(
        self,
        values: Any = None,
        *,
        shots: int,
        seed: int | None = None,
        memory: bool = False,
        headers: Sequence[Header] | None = None,
    ) -> NativeRun:
        """Execute and return the raw outcome, circuit by circuit and row by row.

        ``values`` has shape (P,) or (K, P): K bindings of the P parameters in the order of
        ``circuit.parameters``; for a compiled list it is a list with one such array a circuit.
        Without a seed a fresh one is drawn. ``headers`` has one mapping an experiment, whose items
        (``name``, ``metadata``) replace those of the header.

        Raises:
            InvalidInputError: the values do not fit the parameters; nothing was run.
            ExecutionError: Aer gave up as a whole. A single experiment's failure is in its status.
        """
        start = time.perf_counter()
        rows = self._rows(values)
        count = sum(len(matrix) for matrix in rows)
        if headers is not None and len(headers) != count:
            raise InvalidInputError(f"headers has {len(headers)} items for {count} experiments")
        seed = secrets.randbits(52) if seed is None else seed
        parts = [part for pair in zip(self._templates, rows, strict=True) for part in _parts(*pair)]
        experiments: list[dict[str, Any]] = []
        metadata: dict[str, Any] = {}
        with self._lock:
            self._config.shots = shots
            self._config.memory = memory
            for call in _calls(parts):
                output = self._call(call, seed + SEED_STEP * len(experiments))
                experiments.extend(_completed(output["results"], call, len(experiments)))
                _merge(metadata, output["metadata"])
        for item, header in zip(experiments, headers or (), strict=headers is not None):
            if "header" in item:
                item["header"].update(header)
        return NativeRun(
            aer=self.aer,
            experiments=experiments,
            metadata=metadata,
            seed=seed,
            job_id=str(uuid.uuid4()),
            date=datetime.now().isoformat(),
            time_taken=time.perf_counter() - start,
        )

    def _rows(self, values: Any) -> list[Matrix]:
        if values is None:
            given: Sequence[Any] = [None] * len(self._templates)
        else:
            given = list(values) if self._listed else [values]
        if len(given) != len(self._templates):
            raise InvalidInputError(
                f"values has {len(given)} items for {len(self._templates)} circuits; it must have "
                "one array a circuit"
            )
        return [
            _matrix(item, template.binding.width, index)
            for index, (item, template) in enumerate(zip(given, self._templates, strict=True))
        ]

    def _call(self, call: Sequence[_Part], seed: int) -> dict[str, Any]:
        assembled: list[Any] = []
        tables: list[Table] = []
        for part in call:
            part.template.assembled.global_phase_angle = part.phase
            assembled.append(part.template.assembled)
            tables.append(part.template.binding.table(part.rows, part.phase))
        self._config.parameterizations = tables
        self._config.seed_simulator = _signed(seed)
        try:
            output = self.aer.execute(assembled, self._noise, self._config)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ExecutionError(f"Aer could not run the circuits: {error}") from error
        if not isinstance(output, dict):
            raise ExecutionError(f"Aer ended without a result: {output}")
        if len(output["results"]) != sum(len(part.rows) for part in call):
            raise ExecutionError(f"Aer could not run the circuits: {output['status']}")
        return output


def _refuse(circuits: Sequence[Any], options: Mapping[str, Any], noise_model: Any) -> None:
    if not circuits or not all(isinstance(circuit, QuantumCircuit) for circuit in circuits):
        raise NotSupportedError("it takes one or more QuantumCircuits", tier=TIER)
    for name, taken in _REFUSED.items():
        if options.get(name) not in taken:
            raise NotSupportedError(f"option '{name}' is {options[name]!r}", tier=TIER)
    if noise_model is not None and noise_model._pass_manager() is not None:
        for circuit in circuits:
            if any(
                item.is_parameterized() and isinstance(item.operation, Delay)
                for item in circuit.data
            ):
                raise NotSupportedError("noise depends on a delay with a free duration", tier=TIER)


def _matrix(values: Any, width: int, index: int) -> Matrix:
    if values is None:
        values = np.empty((1, 0))
    matrix = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if matrix.ndim != 2 or matrix.shape[1] != width:
        raise InvalidInputError(
            f"circuit {index} has {width} parameters; its values have shape {np.shape(values)}, "
            f"and (P,) or (K, P) with P = {width} is allowed"
        )
    return matrix


def _parts(template: _Template, rows: Matrix) -> Iterator[_Part]:
    """Split rows so that each part has one global phase.

    Aer 0.18 gives row ``i`` of a table the global phase of row ``i - 1``; with one row a part it
    gets the phase that was set on the assembled circuit.
    """
    phases = template.binding.phases(rows)
    if phases is not None:
        for index, phase in enumerate(phases):
            yield _Part(template, rows[index : index + 1], phase)
        return
    fixed = template.binding.fixed_phase
    for start in range(0, len(rows), MAX_EXPERIMENTS_PER_CALL):
        yield _Part(template, rows[start : start + MAX_EXPERIMENTS_PER_CALL], fixed)


def _calls(parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """Put parts together, in order: few experiments a call, and each template at most once."""
    call: list[_Part] = []
    size = 0
    used: set[int] = set()
    for part in parts:
        if id(part.template) in used or size + len(part.rows) > MAX_EXPERIMENTS_PER_CALL:
            yield call
            call, size, used = [], 0, set()
        call.append(part)
        size += len(part.rows)
        used.add(id(part.template))
    if call:
        yield call


def _completed(
    results: Sequence[dict[str, Any]], call: Sequence[_Part], first: int
) -> Iterator[dict[str, Any]]:
    shared: dict[str, Any] = {}
    owners = [part for part in call for _ in range(len(part.rows))]
    for index, (item, part) in enumerate(zip(results, owners, strict=True), start=first):
        header = item.get("header")
        if header is None:
            item["circ_id"] = index
        else:
            del item["circ_id"]
            header["global_phase"] = part.phase
            header["metadata"] = copy.deepcopy(part.template.metadata)
        yield item if len(owners) == 1 else _compact(item, shared)


def _compact(item: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Let the many experiments of a run share the names and lists that repeat in all of them."""
    found = {}
    for name, value in item.items():
        if isinstance(value, dict) and name != "data":
            value = _compact(value, shared)  # noqa: PLW2901 - the smaller form takes its place
        elif isinstance(value, list | str) and shared.setdefault(name, value) == value:
            value = shared[name]  # noqa: PLW2901 - the smaller form takes its place
        found[sys.intern(name)] = value
    return found


def _merge(total: dict[str, Any], added: Mapping[str, Any]) -> None:
    for name, value in added.items():
        total[name] = total.get(name, 0.0) + value if name.startswith("time_taken") else value


def _signed(seed: int) -> int:
    """Return the 64-bit seed in the signed form that Aer's configuration takes."""
    return (seed + 2**63) % 2**64 - 2**63
