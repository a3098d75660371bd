# SPDX-License-Identifier: Apache-2.0
"""Which target a backend has right now: a number that changes whenever the target does."""

from __future__ import annotations

import copy
import itertools
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from qiskit.providers import BackendV2
from qiskit.transpiler import Target

from qruntime.execution.target_content import target_content

_FOLLOW_FROM_TARGET = (
    *("coupling_map", "instruction_durations", "num_qubits", "operation_names", "dt"),
)
_KEPT = 32


@dataclass(slots=True)
class _KnownTarget:
    target: Target
    durations: Any
    state: tuple[Any, ...]
    content: tuple[Any, ...] | None
    kept: Target
    token: int


@dataclass(slots=True)
class _KnownSimulator:
    state: tuple[Any, ...]
    backend: BackendV2
    token: int


class TargetTokens:
    """Gives each state of a target a number; two that transpile differently never share one.

    A target is known again by being the same object in the same state. Looking costs microseconds,
    for ``Target`` forgets its durations whenever an instruction or its properties change, so that
    the object ``target.durations()`` tells. A few targets are kept alive, lest another object
    takes over the identity of one. An object that is new has the number of one with equal content,
    for jobs make their backends anew. Properties of qubits do not count: no pass looks at them.
    """

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self._targets: OrderedDict[int, _KnownTarget] = OrderedDict()
        self._simulators: list[_KnownSimulator] = []
        self._lock = threading.Lock()

    def of_target(self, target: Target) -> tuple[int, Target]:
        """Return the number of the state that a target is in, and a target that stays in it."""
        with self._lock:
            known = self._targets.get(id(target))
            state = _state(target)
            durations = target.durations()
            if known is not None and known.durations is durations and known.state == state:
                return known.token, known.kept
            content = target_content(target)
            token, kept = self._with_content(content) or self._new(target, content)
            copied = {name: dict(places) for name, places in target.items()}
            state = (*state[:-1], copied)
            known = _KnownTarget(target, durations, state, content, kept, token)
            self._targets[id(target)] = known
            self._targets.move_to_end(id(target))
            if len(self._targets) > _KEPT:
                self._targets.popitem(last=False)
            return token, kept

    def _with_content(self, content: tuple[Any, ...] | None) -> tuple[int, Target] | None:
        if content is not None:
            for known in self._targets.values():
                if known.content == content:
                    return known.token, known.kept
        return None

    def _new(self, target: Target, content: tuple[Any, ...] | None) -> tuple[int, Target]:
        """Return a new number; what others will share is a copy that nobody can change."""
        return next(self._counter), target if content is None else copy.deepcopy(target)

    def of_backend(self, backend: BackendV2) -> tuple[int, BackendV2] | None:
        """Return the number of a backend's target and a backend that has it at hand.

        None for a backend that describes itself beside its target.
        """
        if _is_aer(type(backend)) and not getattr(backend, "_from_backend", True):
            return self._of_simulator(backend)
        if not _follows_target(type(backend)):  # type: ignore[arg-type]  # a class has a hash
            return None
        token, target = self.of_target(backend.target)
        return token, _WithTarget(target)

    def _of_simulator(self, backend: Any) -> tuple[int, BackendV2]:
        """Know Aer's simulators by their settings, for they build a new target at each look."""
        state = _simulator_state(backend)
        with self._lock:
            for place, known in enumerate(self._simulators):
                if known.state == state:
                    self._simulators.insert(0, self._simulators.pop(place))
                    return known.token, known.backend
            found = _KnownSimulator(state, _WithTarget(backend.target), next(self._counter))
            self._simulators.insert(0, found)
            del self._simulators[_KEPT:]
            return found.token, found.backend


class _WithTarget(BackendV2):
    """A backend that is nothing but its target."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target

    @property
    def target(self) -> Target:
        return self._target

    @property
    def max_circuits(self) -> None:
        return None

    @classmethod
    def _default_options(cls) -> Any:
        return None

    def run(self, run_input: Any, **options: Any) -> Any:
        raise NotImplementedError


def _state(target: Target) -> tuple[Any, ...]:
    return (
        *(target.num_qubits, target.dt, target.granularity, target.min_length),
        *(target.pulse_alignment, target.acquire_alignment, target.description),
        _copied(target.concurrent_measurements),
        target._gate_map,
    )


def _simulator_state(backend: Any) -> tuple[Any, ...]:
    return (
        type(backend),
        _copied_values(vars(backend._configuration)),
        _copied_values(backend._options_configuration),
        _copied_values(backend._options_properties),
        backend._properties,
        _copied(backend._cached_basis_gates),
        getattr(backend.options, "method", None),
    )


def _copied_values(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) for name, value in values.items()}


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, list | dict) else value


def _is_aer(kind: type) -> bool:
    return (
        kind.__module__ == "qiskit_aer.backends.aer_simulator" and kind.__name__ == "AerSimulator"
    )


@lru_cache(maxsize=64)
def _follows_target(kind: type) -> bool:
    if not issubclass(kind, BackendV2):
        return False
    own = all(getattr(kind, name) is getattr(BackendV2, name) for name in _FOLLOW_FROM_TARGET)
    return own or _is_aer(kind)
