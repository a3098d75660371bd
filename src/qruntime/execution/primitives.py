# SPDX-License-Identifier: Apache-2.0
"""Qiskit's V2 primitives on a backend: every circuit is compiled once and kept."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives import (
    BackendEstimatorV2,
    BaseEstimatorV2,
    BaseSamplerV2,
    BitArray,
    DataBin,
    PrimitiveJob,
    PrimitiveResult,
    PubResult,
    SamplerPubResult,
)
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import SparseObservable
from qiskit.result.models import ExperimentResult

from qruntime.errors import InvalidCircuitError, InvalidInputError, UnsupportedOptionError
from qruntime.execution.checks import MAX_SEED, MAX_SHOTS
from qruntime.execution.lru import Lru
from qruntime.execution.native_aer import SEED_STEP
from qruntime.execution.program import MAX_DRAWN
from qruntime.execution.sampled import Item, Sampled
from qruntime.execution.structure import structure_key
from qruntime.execution.template import Template
from qruntime.execution.unsupported import NotSupportedError

STATISTICS = ("normal", "shots")
"""What the noise of an estimate is, for circuits whose states are computed."""

_KEPT_TEMPLATES = 256
_SAMPLED_PRECISION = 1 / 64
"""The precision of estimates from shots where none is asked for: 4096 shots an observable."""


class Templates:
    """The templates of a primitive, by the structure of their circuits."""

    def __init__(self, compile_: Callable[[QuantumCircuit], Template]) -> None:
        self._compile = compile_
        self._kept: Lru[Template] = Lru(_KEPT_TEMPLATES)

    def of(self, circuit: QuantumCircuit) -> Template:
        """Return the template of a circuit like this one."""
        try:
            key = structure_key(circuit)
        except NotSupportedError:
            return self._compile(circuit)
        found = self._kept.get(key)
        if found is None:
            found = self._compile(circuit)
            self._kept.put(key, found, 1)
        return found


class Sampler(BaseSamplerV2):
    """Samples circuits: a ``BaseSamplerV2``. Made by ``backend.sampler``.

    With a seed, a call of ``run`` with the same pubs gives the same shots.
    """

    def __init__(self, backend: Any) -> None:
        self._seed = backend.options.seed_simulator
        self._default_shots = int(backend.options.shots)
        self._templates = Templates(backend.compile)

    @property
    def default_shots(self) -> int:
        """The number of shots of a pub that states none."""
        return self._default_shots

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> PrimitiveJob:
        """Sample each pub: a circuit, or (circuit, parameter values, shots)."""
        default = self._default_shots if shots is None else shots
        coerced = [SamplerPub.coerce(pub, default) for pub in pubs]
        for index, pub in enumerate(coerced):
            if not pub.circuit.cregs:
                raise InvalidCircuitError(
                    f"pub {index}: the circuit has no classical registers to sample", index=index
                )
        job = PrimitiveJob(self._run, coerced)
        job._submit()
        return job

    def _run(self, pubs: list[SamplerPub]) -> PrimitiveResult[SamplerPubResult]:
        seed = secrets.randbits(60) if self._seed is None else self._seed
        results = []
        for pub in pubs:
            results.append(self._run_pub(pub, seed & MAX_SEED))
            seed += SEED_STEP * max(1, pub.parameter_values.size)
        return PrimitiveResult(results, metadata={"version": 2})

    def _run_pub(self, pub: SamplerPub, seed: int) -> SamplerPubResult:
        circuit = pub.circuit
        template = self._templates.of(circuit)
        rows = _rows(pub)
        items = template.items(rows, shots=pub.shots, seed=seed, memory=True) if len(rows) else []
        places = {bit: place for place, bit in enumerate(circuit.clbits)}
        arrays = {
            register.name: _bit_array(
                items, [places[bit] for bit in register], circuit.num_clbits, pub
            )
            for register in circuit.cregs
        }
        return SamplerPubResult(
            DataBin(**arrays, shape=pub.shape),
            metadata={"shots": pub.shots, "circuit_metadata": circuit.metadata},
        )


class Estimator(BaseEstimatorV2):
    """Estimates expectation values: a ``BaseEstimatorV2``. Made by ``backend.estimator``.

    Circuits that the ``kernel`` tier takes give exact values by default (``statistics="normal"``);
    with a ``precision`` above zero, normal noise of that standard deviation is added, as Qiskit's
    and Aer's simulated estimators do. With ``statistics="shots"`` they are estimated from shots of
    groups of Pauli strings that commute qubit by qubit, each with as many shots as the precision
    asks for (1 / precision squared); ``stds`` are then standard errors. Other circuits, noisy ones
    for one, are estimated from shots by Qiskit's ``BackendEstimatorV2``.
    """

    def __init__(self, backend: Any, statistics: str = "normal") -> None:
        if statistics not in STATISTICS:
            raise InvalidInputError(
                f"no statistics {statistics!r}; allowed: {', '.join(STATISTICS)}"
            )
        self._statistics = statistics
        self._seed = backend.options.seed_simulator
        self._templates = Templates(backend.compile)
        self._backend = backend

    def run(self, pubs: Iterable[Any], *, precision: float | None = None) -> PrimitiveJob:
        """Estimate each pub: (circuit, observables, parameter values, precision)."""
        given: Any = precision
        if given is not None and not (isinstance(given, Real) and float(given) >= 0):
            raise InvalidInputError(f"precision must be a number >= 0, not {precision!r}")
        coerced = [
            EstimatorPub.coerce(pub, 0.0 if precision is None else precision) for pub in pubs
        ]
        job = PrimitiveJob(self._run, coerced)
        job._submit()
        return job

    def _run(self, pubs: list[EstimatorPub]) -> PrimitiveResult[PubResult]:
        noise = np.random.default_rng(self._seed)
        seed = secrets.randbits(60) if self._seed is None else self._seed
        results = []
        for pub in pubs:
            own_seed = seed & MAX_SEED
            seed += SEED_STEP * _most_experiments(pub)
            if not math.prod(pub.shape):
                results.append(_empty(pub))
                continue
            measured = pub.circuit.copy()
            measured.measure_all()
            template = self._templates.of(measured)
            try:
                if self._statistics == "shots":
                    results.append(_sampled(pub, template, own_seed))
                else:
                    results.append(_exact(pub, template, noise))
            except UnsupportedOptionError:
                results.append(self._estimated(pub, own_seed))
        return PrimitiveResult(results, metadata={"version": 2})

    def _estimated(self, pub: EstimatorPub, seed: int) -> PubResult:
        precision = pub.precision or _SAMPLED_PRECISION
        _shots_for(precision, MAX_SHOTS)
        asked = EstimatorPub(pub.circuit, pub.observables, pub.parameter_values, precision)
        from_shots = BackendEstimatorV2(backend=self._backend, options={"seed_simulator": seed})
        return from_shots.run([asked]).result()[0]


def _most_experiments(pub: EstimatorPub) -> int:
    """Return how many experiments a pub may need, each of which draws from a seed of its own."""
    strings = sum(len(observable) for observable in pub.observables.ravel().tolist())
    return int(pub.parameter_values.size * strings)


def _empty(pub: EstimatorPub) -> PubResult:
    """Return the result of a pub that has no bindings or no observables."""
    return PubResult(
        DataBin(evs=np.zeros(pub.shape), stds=np.zeros(pub.shape), shape=pub.shape),
        metadata={"target_precision": pub.precision, "circuit_metadata": pub.circuit.metadata},
    )


def _shots_for(precision: float, limit: int) -> int:
    """Return how many shots a precision needs.

    Raises:
        InvalidInputError: they are more than the limit.
    """
    least = 1 / math.sqrt(limit)
    if not precision >= least * (1 - 1e-9):
        raise InvalidInputError(
            f"precision={precision!r} needs 1 / precision**2 shots for each observable, more than "
            f"the {limit} that are allowed; the smallest precision is {least:.3g}"
        )
    return min(limit, max(2, math.ceil(1 / precision**2)))


def _exact(pub: EstimatorPub, template: Template, noise: np.random.Generator) -> PubResult:
    values = _broadcast(pub, template.expectation(_observables(pub), _rows(pub)))
    if pub.precision:
        values = np.asarray(noise.normal(values, pub.precision))
    errors = np.full_like(values, pub.precision)
    return PubResult(
        DataBin(evs=values, stds=errors, shape=values.shape),
        metadata={"target_precision": pub.precision, "circuit_metadata": pub.circuit.metadata},
    )


def _sampled(pub: EstimatorPub, template: Template, seed: int) -> PubResult:
    precision = pub.precision or _SAMPLED_PRECISION
    shots = _shots_for(precision, MAX_DRAWN)
    found = template.estimate(_observables(pub), _rows(pub), shots=shots, seed=seed)
    values, errors = _broadcast(pub, found.evs), _broadcast(pub, found.stds)
    return PubResult(
        DataBin(evs=values, stds=errors, shape=values.shape),
        metadata={
            "target_precision": precision,
            "shots": shots,
            "circuit_metadata": pub.circuit.metadata,
        },
    )


def _rows(pub: SamplerPub | EstimatorPub) -> NDArray[np.float64]:
    """Return the parameter values of a pub as rows, in the order of the circuit's parameters."""
    parameters = pub.circuit.parameters
    values = pub.parameter_values.as_array(parameters)
    return np.asarray(values, dtype=np.float64).reshape(pub.parameter_values.size, len(parameters))


def _observables(pub: EstimatorPub) -> list[SparseObservable]:
    return [
        SparseObservable.from_list(list(pub.observables[index].items()))
        for index in np.ndindex(pub.observables.shape)
    ]


def _broadcast(pub: EstimatorPub, exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pick from all pairs of a binding and an observable those that the pub asks for."""
    bindings = np.arange(exact.shape[0]).reshape(pub.parameter_values.shape)
    observables = np.arange(exact.shape[1]).reshape(pub.observables.shape)
    rows, columns = np.broadcast_arrays(bindings, observables)
    return np.asarray(exact[rows, columns])


def _bit_array(items: list[Item], clbits: list[int], width: int, pub: SamplerPub) -> BitArray:
    packed = np.array([_packed(item, clbits, width) for item in items], dtype=np.uint8)
    return BitArray(packed.reshape(*pub.shape, pub.shots, -(-len(clbits) // 8)), len(clbits))


def _packed(item: Item, clbits: list[int], width: int) -> NDArray[np.uint8]:
    """Return a register's bits of every shot, in the layout of ``BitArray``."""
    if isinstance(item, Sampled):
        return item.samples.readout.packed(item.samples.shot_keys(item.binding), clbits)
    return _packed_memory(item, clbits, width)


def _packed_memory(item: ExperimentResult, clbits: list[int], width: int) -> NDArray[np.uint8]:
    size = -(-width // 8)
    raw = b"".join(int(shot, 16).to_bytes(size, "little") for shot in item.data.memory)
    every = np.unpackbits(
        np.frombuffer(raw, dtype=np.uint8).reshape(-1, size), axis=1, bitorder="little"
    )
    chosen = every[:, clbits][:, ::-1]
    padding = -chosen.shape[1] % 8
    return np.packbits(np.pad(chosen, ((0, 0), (padding, 0))), axis=1)
