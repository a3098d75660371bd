# SPDX-License-Identifier: Apache-2.0
"""The options of one transpilation, made comparable, or found to be Qiskit's alone to handle."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import qiskit
from qiskit import user_config
from qiskit.providers import BackendV2
from qiskit.transpiler import CouplingMap, Layout, Target

from qruntime.execution.lru import Lru
from qruntime.execution.transpile_targets import TargetTokens

_METHODS: dict[str, set[str | None]] = {
    "layout_method": {None, "default", "trivial", "dense", "sabre"},
    "routing_method": {None, "default", "none", "basic", "lookahead", "sabre"},
    "translation_method": {None, "default", "translator", "synthesis"},
    "scheduling_method": {None},
    "init_method": {None, "default"},
    "optimization_method": {None, "default"},
    "unitary_synthesis_method": {"default"},
    "unitary_synthesis_plugin_config": {None},
    "hls_config": {None},
}
_SCALARS = (
    *("approximation_degree", "dt", "optimization_level", "qubits_initially_zero"),
    *("seed_transpiler", "ignore_backend_supplied_default_methods"),
)
_SUPPLIED = ("get_scheduling_stage_plugin", "get_translation_stage_plugin")
_ONLY_TRANSPILE = "ignore_backend_supplied_default_methods"
_ALL_THREADS = "QISKIT_SABRE_ALL_THREADS"
_KEPT = 256


class OnlyQiskitError(Exception):
    """These options cannot be compared with those of another call."""


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What a transpilation is asked for, apart from the circuit.

    ``key`` is equal for equal requests, which are mostly the same object too. ``arguments`` are
    those of Qiskit's ``generate_preset_pass_manager``. ``width`` is how many qubits a circuit may
    have, ``routed`` whether a coupling map or noisy gates make places and one-qubit gates matter.
    """

    key: tuple[Hashable, ...]
    arguments: dict[str, Any]
    width: int | None
    routed: bool

    @property
    def seeded(self) -> bool:
        """Whether the stochastic passes have a seed."""
        return self.arguments["seed_transpiler"] is not None

    def with_seed(self, seed: int) -> Request:
        """Return the same request with a seed."""
        return replace(
            self,
            key=("seeded", seed, *self.key),
            arguments={**self.arguments, "seed_transpiler": seed},
        )


class Requests:
    """Reads the arguments of calls; equal ones give the same request while it is remembered."""

    def __init__(self) -> None:
        self._tokens = TargetTokens()
        self._known: Lru[Request] = Lru(_KEPT)

    def read(self, backend: Any, options: Mapping[str, Any]) -> Request:
        """Return the request that these arguments make.

        Raises:
            OnlyQiskitError: only Qiskit can say what they mean, or that they are wrong.
        """
        target = options.get("target")
        if isinstance(backend, Target):
            if target is not None:
                raise OnlyQiskitError
            target, backend = backend, None
        known_backend = None
        key: list[Hashable] = [qiskit.__version__, os.environ.get(_ALL_THREADS)]
        if target is not None and backend is not None:
            raise OnlyQiskitError
        if target is not None:
            token, target = _target_token(target, self._tokens)
            key += ("target", token)
        elif backend is not None:
            token, known_backend = _backend_token(backend, self._tokens)
            key += ("backend", token)
        level, seed = options.get("optimization_level"), options.get("seed_transpiler")
        if level is None or seed is None:
            level, seed = _from_surroundings(level, seed)
        read = [(name, _comparable(name, options[name])) for name in sorted(options)]
        key += (_scalar(level), _scalar(seed), *read)
        return self._request(tuple(key), options, level, seed, target, known_backend)

    def _request(
        self,
        key: tuple[Hashable, ...],
        options: Mapping[str, Any],
        level: Any,
        seed: Any,
        target: Target | None,
        backend: BackendV2 | None,
    ) -> Request:
        found = self._known.get(key)
        if found is None:
            held = {name: _own(value) for name, value in options.items()}
            arguments = {**_defaults(), **held}
            arguments.update(
                optimization_level=level, seed_transpiler=seed, target=target, backend=backend
            )
            arguments.pop(_ONLY_TRANSPILE, None)
            found = Request(key, arguments, _width(arguments), _is_routed(arguments))
            self._known.put(key, found, 1)
        return found


def _width(arguments: Mapping[str, Any]) -> int | None:
    coupling, backend = arguments["coupling_map"], arguments["backend"]
    if isinstance(coupling, list):
        return 1 + max((end for edge in coupling for end in edge), default=0)
    if coupling is not None:
        return int(coupling.size())
    if backend is None or backend.num_qubits is None:
        return None
    return int(backend.num_qubits)


def _is_routed(arguments: Mapping[str, Any]) -> bool:
    if arguments["coupling_map"] is not None:
        return True
    target, backend = arguments["target"], arguments["backend"]
    if target is None and backend is not None:
        target = backend.target
    if target is None:
        return False
    noisy = any(
        properties is not None and properties.error
        for places in target.values()
        for properties in places.values()
    )
    return noisy or target.build_coupling_map() is not None


def _own(value: Any) -> Any:
    """Return a copy of an option that its caller could change; bits stay the same objects."""
    if isinstance(value, Layout):
        return value.copy()
    if isinstance(value, CouplingMap):
        return copy.deepcopy(value)
    if isinstance(value, list):
        return [_own(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


@cache
def _defaults() -> dict[str, Any]:
    found = inspect.signature(qiskit.generate_preset_pass_manager).parameters.values()
    return {item.name: item.default for item in found if not item.name.startswith("_")}


def _from_surroundings(level: Any, seed: Any) -> tuple[Any, Any]:
    """Return level and seed as Qiskit takes them from the environment and the user's settings."""
    settings = user_config.get_config()
    if level is None:
        level = settings.get("transpile_optimization_level", 2)
    if seed is None:
        given = os.environ.get("QISKIT_TRANSPILER_SEED")
        seed = settings.get("transpiler_seed") if given is None else int(given)
    return level, seed


def _scalar(value: Any) -> Hashable:
    if not isinstance(value, int | float | None):
        raise OnlyQiskitError
    return value


def _target_token(target: Any, tokens: TargetTokens) -> tuple[int, Target]:
    if type(target) is not Target:
        raise OnlyQiskitError
    return tokens.of_target(target)


def _backend_token(backend: Any, tokens: TargetTokens) -> tuple[int, BackendV2]:
    if not isinstance(backend, BackendV2):
        raise OnlyQiskitError
    for method in _SUPPLIED:
        if hasattr(backend, method) and getattr(backend, method)() is not None:
            raise OnlyQiskitError
    found = tokens.of_backend(backend)
    if found is None:
        raise OnlyQiskitError
    return found


def _comparable(name: str, value: Any) -> Hashable:
    if name in ("backend", "target"):
        return None
    if name in _SCALARS:
        return _scalar(value)
    if name in _METHODS:
        if not isinstance(value, str | None) or value not in _METHODS[name]:
            raise OnlyQiskitError
        return value
    reader = _READERS.get(name)
    if reader is None:
        raise OnlyQiskitError
    return None if value is None else reader(value)


def _basis_gates(names: Any) -> Hashable:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise OnlyQiskitError
    return tuple(names)


def _coupling_map(coupling: Any) -> Hashable:
    if type(coupling) is CouplingMap:
        return (tuple(coupling.physical_qubits), tuple(coupling.get_edges()))
    if not isinstance(coupling, list):
        raise OnlyQiskitError
    for edge in coupling:
        if not isinstance(edge, list) or [type(end) for end in edge] != [int, int]:
            raise OnlyQiskitError
    return tuple(map(tuple, coupling))


def _initial_layout(layout: Any) -> Hashable:
    if type(layout) is Layout:
        found: tuple[Any, ...] = (
            *layout.get_virtual_bits().items(),
            *layout.get_registers(),
        )
    elif type(layout) is dict:
        found = tuple(layout.items())
    elif type(layout) is list:
        found = tuple(layout)
    else:
        raise OnlyQiskitError
    try:
        hash(found)
    except TypeError as error:
        raise OnlyQiskitError from error
    return (type(layout), found)


_READERS = {
    "basis_gates": _basis_gates,
    "coupling_map": _coupling_map,
    "initial_layout": _initial_layout,
}
