# SPDX-License-Identifier: Apache-2.0
"""``TranspileCache``: Qiskit's transpiler, asked once for each structure of a circuit."""

from __future__ import annotations

import inspect
import secrets
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import qiskit
from qiskit import QuantumCircuit

from qruntime.execution.lru import Lru
from qruntime.execution.pass_managers import BuiltPassManager, CachedPassManager, PassManagers
from qruntime.execution.transpile_copies import KeptCircuit
from qruntime.execution.transpile_options import OnlyQiskitError, Request, Requests
from qruntime.execution.transpile_structure import (
    CircuitKey,
    UnkeyableError,
    circuit_key,
)
from qruntime.execution.transpile_template import Angles, Template, make_template, read_angles

_REPLACED = (
    ("qiskit", "generate_preset_pass_manager"),
    ("qiskit", "transpile"),
    ("qiskit.compiler", "transpile"),
    ("qiskit.compiler.transpiler", "transpile"),
    ("qiskit.transpiler", "generate_preset_pass_manager"),
    ("qiskit.transpiler.preset_passmanagers", "generate_preset_pass_manager"),
)
Method = TypeVar("Method", bound=Callable[..., Any])

_DEFAULT_LIMIT_BYTES = 64 * 1024 * 1024
_EXAMINED_FROM = (2, 6)
"""The first version of Qiskit on which what the cache relies on was examined."""


@dataclass(frozen=True, slots=True)
class TranspileStatistics:
    """What a cache has done and what it holds.

    ``hits`` counts circuits that were served, ``bound`` those among them that had new angles,
    ``misses`` those that Qiskit transpiled and that are now kept, ``refused`` those that no key can
    tell apart and Qiskit transpiled each time.
    """

    hits: int
    bound: int
    misses: int
    refused: int
    evictions: int
    entries: int
    bytes: int
    limit_bytes: int


class _Place:
    """Where a structure is kept: its hash, which costs microseconds, is taken once."""

    __slots__ = ("_hash", "request", "structure")

    def __init__(self, request: Request, structure: tuple[Hashable, ...]) -> None:
        self.request = request.key
        self.structure = structure
        self._hash = hash((self.request, structure))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, _Place)
            and self._hash == other._hash
            and self.structure == other.structure
            and self.request == other.request
        )


@dataclass(slots=True, eq=False)
class _Known:
    """A structure under one request; a pattern of angles without a template has None."""

    templates: dict[Hashable, Template | None]


@dataclass(slots=True, eq=False)
class _Asked:
    """One circuit of a call."""

    circuit: QuantumCircuit
    key: CircuitKey
    place: _Place
    angles: Angles | None

    @property
    def values(self) -> tuple[Hashable, ...]:
        """What the circuit has beside its structure."""
        return (*self.key.values, self.key.phase)


def _examined(version: str) -> bool:
    return tuple(int(part) for part in version.split(".")[:2]) >= _EXAMINED_FROM


def _signed_as(function: Callable[..., Any]) -> Callable[[Method], Method]:
    """Give a method the signature of Qiskit's function, whatever this version of Qiskit has."""
    theirs = inspect.signature(function)
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)

    def sign(method: Method) -> Method:
        parameters = [this, *theirs.parameters.values()]
        vars(method)["__signature__"] = theirs.replace(parameters=parameters)
        return method

    return sign


class TranspileCache:
    """Serves ``transpile`` and ``generate_preset_pass_manager`` with Qiskit's own signatures.

    A circuit that was transpiled before is answered with a copy. One that differs from it by its
    angles only is answered with a transpilation made once with symbols, into which the angles are
    bound: the same unitary, global phase, layout and routing as Qiskit gives for the same seed, and
    for generic angles no more gates on two qubits. Where sums of different angles cancel, as those
    of rz(0.3), rz(0.5), rz(-0.8) between two cx, Qiskit alone may remove more. On targets without
    noise and without couplings neighbouring one-qubit gates may be left unmerged, and rotations by
    less than 0.0001 are not dropped.

    Without a seed Qiskit's routing is a random draw; a circuit is then drawn once and the draw is
    kept. Equal circuits in one list are drawn each on its own, so that the best of many can be
    chosen. What cannot be compared goes to Qiskit each time: callbacks, plugins, scheduling,
    synthesis options, circuits with real-time variables, circuits that were transpiled already.
    With a Qiskit before 2.6, where the tests of equivalence fail, the cache is never ``enabled``.
    """

    def __init__(self, *, limit_bytes: int = _DEFAULT_LIMIT_BYTES, enabled: bool = True) -> None:
        self.enabled = enabled and _examined(qiskit.__version__)
        self._entries: Lru[Any] = Lru(limit_bytes)
        self._managers = PassManagers()
        self._requests = Requests()
        self._last: _Place | None = None
        self._lock = threading.Lock()
        self._counts = {"hits": 0, "bound": 0, "misses": 0, "refused": 0}

    @property
    def statistics(self) -> TranspileStatistics:
        """What the cache has done so far."""
        return TranspileStatistics(
            **self._counts,
            evictions=self._entries.evictions,
            entries=len(self._entries),
            bytes=self._entries.size,
            limit_bytes=self._entries.limit,
        )

    @property
    def replacements(self) -> dict[tuple[str, str], Callable[..., Any]]:
        """What a program is to find in Qiskit's modules instead of Qiskit's own functions."""
        return {place: getattr(self, place[1]) for place in _REPLACED}

    def clear(self) -> None:
        """Forget all circuits and pass managers."""
        self._entries.clear()
        self._last = None
        self._managers.clear()

    @_signed_as(qiskit.transpile)
    def transpile(self, circuits: Any, backend: Any = None, *args: Any, **options: Any) -> Any:
        """Do what ``qiskit.transpile`` does, with the same arguments, results and errors."""
        given = _named(args, options)
        output_name = given.pop("output_name", None)
        num_processes = given.pop("num_processes", None)
        callback = given.pop("callback", None)
        items = circuits if isinstance(circuits, list) else [circuits]
        names = _output_names(output_name, items)
        request = None
        if self.enabled and callback is None and names is not None:
            request = self._request(backend, given)
        if request is None or names is None or _too_wide(items, request):
            self._count("refused", len(items))
            return qiskit.transpile(circuits, backend, *args, **options)
        made = self._serve(items, request, num_processes)
        if output_name is not None:
            for circuit, name in zip(made, names, strict=True):
                circuit.name = name
        return made if isinstance(circuits, list) else made[0]

    @_signed_as(qiskit.generate_preset_pass_manager)
    def generate_preset_pass_manager(self, *args: Any, **options: Any) -> Any:
        """Do what Qiskit's function of this name does; ``run`` of the result is served too."""
        bound = _manager_signature().bind(*args, **options)
        given = dict(bound.arguments)
        level = given.pop("optimization_level", 2)
        backend = given.pop("backend", None)
        if level is not None and not isinstance(level, int | float):
            backend, level = (level, None) if backend is None else (backend, level)
        request = None
        if self.enabled:
            request = self._request(backend, {**given, "optimization_level": level})
        if request is None:
            return qiskit.generate_preset_pass_manager(*args, **options)

        def serve(circuits: Any, num_processes: int | None) -> Any:
            if isinstance(circuits, list):
                return self._serve(circuits, request, num_processes)
            return self._serve([circuits], request, num_processes)[0]

        return CachedPassManager.of(self._managers.get(request), serve)

    def _request(self, backend: Any, options: dict[str, Any]) -> Request | None:
        try:
            return self._requests.read(backend, options)
        except OnlyQiskitError:
            return None

    def _count(self, name: str, number: int = 1, *, bound: int = 0) -> None:
        with self._lock:
            self._counts[name] += number
            self._counts["bound"] += bound

    def _serve(
        self, circuits: Sequence[Any], request: Request, num_processes: int | None
    ) -> list[Any]:
        asked = [self._ask(circuit, request) for circuit in circuits]
        if len(asked) == 1:
            return [self._answer(circuits[0], asked[0], request)]
        made: dict[int, QuantumCircuit] = {}
        together = self._unrelated(asked, request)
        if len(together) > 1:
            chosen = [circuits[index] for index in together]
            found = self._managers.get(request).run(chosen, num_processes)
            for index, circuit in zip(together, found, strict=True):
                made[index] = self._keep(asked[index], circuit)
        for index, circuit in enumerate(circuits):
            if index not in made:
                made[index] = self._answer(circuit, asked[index], request)
        return [made[index] for index in range(len(circuits))]

    def _unrelated(self, asked: Sequence[_Asked | None], request: Request) -> list[int]:
        """Return which circuits to transpile together, for Qiskit may use processes.

        These are the first of each new structure, and those that ask for another random draw.
        """
        draws = not request.seeded and request.routed
        seen: set[Hashable] = set()
        found = []
        for index, question in enumerate(asked):
            if question is None:
                found.append(index)
                continue
            exact = (question.place, question.values)
            new = question.place not in seen and self._known(question) is None
            if new or (draws and exact in seen):
                found.append(index)
            seen.update((question.place, exact) if draws else (question.place,))
        return found

    def _ask(self, circuit: Any, request: Request) -> _Asked | None:
        if getattr(circuit, "_layout", None) is not None:  # it was transpiled already
            return None
        try:
            key = circuit_key(circuit)
            place = self._place(request, key.structure)
            if not key.plain or not isinstance(key.phase, float | int):
                return _Asked(circuit, key, place, None)
            angles = read_angles(key.values, routed=request.routed)
        except (UnkeyableError, TypeError):
            return None
        return _Asked(circuit, key, place, angles)

    def _place(self, request: Request, structure: tuple[Hashable, ...]) -> _Place:
        """Return where a structure is kept; in a loop, which comparing finds before a hash."""
        last = self._last
        if last is not None and last.request is request.key and last.structure == structure:
            return last
        made = self._last = _Place(request, structure)
        return made

    def _known(self, question: _Asked) -> _Known | None:
        found: _Known | None = self._entries.get(question.place)
        return found

    def _answer(self, circuit: Any, question: _Asked | None, request: Request) -> QuantumCircuit:
        if question is None:
            return self._keep(None, self._managers.get(request).run(circuit))
        known = self._known(question)
        if known is not None:
            found = self._find(question, known)
            if found is not None:
                return found
            angles = question.angles
            if angles is not None and angles.pattern not in known.templates:
                return self._make_template(question, angles, known, request)
        return self._keep(question, self._managers.get(request).run(circuit))

    def _find(self, question: _Asked, known: _Known) -> QuantumCircuit | None:
        """Return the transpiled circuit if the cache has it or a template for it."""
        circuit, angles = question.circuit, question.angles
        if angles is not None:
            template = known.templates.get(angles.pattern)
            if template is not None:
                self._count("hits", bound=1)
                return template.bind(circuit, angles, question.key.phase)
        kept: KeptCircuit | None = self._entries.get((known, question.values))
        if kept is None:
            return None
        self._count("hits")
        return kept.fresh(circuit.name, circuit.metadata)

    def _make_template(
        self, question: _Asked, angles: Angles, known: _Known, request: Request
    ) -> QuantumCircuit:
        """Transpile a circuit and, from the same draw of routing, a template for its like."""
        built = self._managers.get(request)
        if request.routed and not request.seeded:
            built = self._managers.get(request.with_seed(secrets.randbits(31)))
        made: QuantumCircuit = built.run(question.circuit)
        known.templates[angles.pattern] = _template(
            question.circuit, angles, made, built, routed=request.routed
        )
        return self._keep(question, made)

    def _keep(self, question: _Asked | None, made: QuantumCircuit) -> QuantumCircuit:
        """Remember what Qiskit made, and return it."""
        if question is None:
            self._count("refused")
            return made
        self._count("misses")
        known = self._known(question) or _Known({})
        size = 1000 + question.key.bytes
        size += sum(500 + found.kept.size for found in known.templates.values() if found)
        self._entries.put(question.place, known, size)
        kept = KeptCircuit(made)
        self._entries.put((known, question.values), kept, kept.size + 64 * len(question.values))
        return made


def _template(
    circuit: QuantumCircuit,
    angles: Angles,
    made: QuantumCircuit,
    built: BuiltPassManager,
    *,
    routed: bool,
) -> Template | None:
    finish = built.merging if routed else None
    try:
        return make_template(circuit, angles, made, built.run, finish)
    except Exception:  # noqa: BLE001  a target that takes no symbols: Qiskit serves each circuit
        return None


def _too_wide(circuits: Sequence[Any], request: Request) -> bool:
    """Return whether Qiskit refuses one of the circuits before it looks at it."""
    width = request.width
    return any(
        not isinstance(circuit, QuantumCircuit)
        or (width is not None and circuit.num_qubits > width)
        for circuit in circuits
    )


def _output_names(output_name: Any, circuits: Sequence[Any]) -> list[str] | None:
    """Return the names of the results, or None where Qiskit is to refuse what was given."""
    if output_name is None:
        return [""] * len(circuits)
    names = [output_name] if isinstance(output_name, str) else output_name
    if not isinstance(names, list) or len(names) != len(circuits):
        return None
    return names if all(isinstance(name, str) for name in names) else None


def _named(args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    if not args:
        return dict(options)
    bound = _transpile_signature().bind(None, None, *args, **options)
    return {name: bound.arguments[name] for name in list(bound.arguments)[2:]}


@cache
def _transpile_signature() -> inspect.Signature:
    return inspect.signature(qiskit.transpile)


@cache
def _manager_signature() -> inspect.Signature:
    return inspect.signature(qiskit.generate_preset_pass_manager)


@cache
def shared_cache() -> TranspileCache:
    """Return the cache that the backends of this process share."""
    return TranspileCache()
