# SPDX-License-Identifier: Apache-2.0
"""The goals, as data: what is claimed, how far, of which figures; and whether it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from benchmarks.results import Cell, Results, Spread

FAMILIES = ("hea", "qaoa", "qv")


@dataclass(frozen=True)
class Case:
    """One figure that a claim is about, with those of the careful and the naive user beside it."""

    title: str
    value: Spread
    careful: float | None = None
    naive: float | None = None
    rounds: int = 0


@dataclass(frozen=True)
class Claim:
    """A threshold that the median of every case has to keep. ``reason`` says why, if it cannot."""

    id: str
    goal: str
    text: str
    threshold: float
    cases: Callable[[Results], Iterable[Case]]
    at_least: bool = True
    unit: str = "x"
    reason: str = ""

    def holds(self, case: Case) -> bool:
        """Whether a case keeps the threshold."""
        value = case.value.middle
        return value >= self.threshold if self.at_least else value <= self.threshold


@dataclass(frozen=True)
class Verdict:
    """What became of a claim: its worst case, and how many cases keep it."""

    claim: Claim
    worst: Case | None
    kept: int
    of: int

    @property
    def holds(self) -> bool | None:
        """Whether every case keeps it; None if there was nothing to look at."""
        return self.kept == self.of if self.of else None


def judge(claim: Claim, results: Results) -> Verdict:
    """Look at all cases of a claim."""
    cases = list(claim.cases(results))
    if not cases:
        return Verdict(claim, None, 0, 0)
    order = sorted(cases, key=lambda case: case.value.middle, reverse=not claim.at_least)
    return Verdict(claim, order[0], sum(claim.holds(case) for case in cases), len(cases))


def ratio(
    workload: str, peer: str, sizes: Iterable[int], families: tuple[str, ...] = FAMILIES
) -> Callable[[Results], Iterator[Case]]:
    """Return the cases "how many times slower than ours is a peer"."""
    wanted = tuple(sizes)

    def cases(results: Results) -> Iterator[Case]:
        for cell in results.of(workload, *families):
            if cell.qubits in wanted and peer in cell.ways:
                way = cell.ways[peer]
                users = (_times_ours(cell, "careful"), _times_ours(cell, "naive"))
                yield Case(cell.title, way.times_ours, *users, way.rounds)

    return cases


def overhead(sizes: tuple[int, ...]) -> Callable[[Results], Iterator[Case]]:
    """Return the cases "what we add to Aer's own time"."""

    def cases(results: Results) -> Iterator[Case]:
        for cell in results.of("native"):
            if cell.qubits in sizes:
                users = (cell.facts["careful"].middle, cell.facts["naive"].middle)
                yield Case(cell.title, cell.facts["ours"], *users)

    return cases


def limit(name: str) -> Callable[[Results], Iterator[Case]]:
    """Return the cases "our iteration, in multiples of the bound of this name"."""

    def cases(results: Results) -> Iterator[Case]:
        for cell in results.of("sampling", "hea", "qv"):
            if cell.qubits >= 12:
                bound = cell.facts[name].middle
                users = [
                    cell.ways[user].microseconds.middle / bound if user in cell.ways else None
                    for user in ("careful", "naive")
                ]
                ours = cell.ways["ours"]
                yield Case(cell.title, ours.microseconds * (1 / bound), *users, ours.rounds)

    return cases


def growth_time(results: Results) -> Iterator[Case]:
    """Yield the cases "a circuit of 10,000 against one of 100"."""
    for cell in results.of("growth"):
        way = cell.ways["many"]
        yield Case(cell.case, way.times_ours, rounds=way.rounds)


def growth_memory(results: Results) -> Iterator[Case]:
    """Yield the cases "memory of 10,000 circuits beyond their outputs"."""
    for cell in results.of("growth"):
        if "extra MB" in cell.facts:
            yield Case(cell.case, cell.facts["extra MB"])


def workers(results: Results) -> Iterator[Case]:
    """Yield the cases "two workers against one"."""
    for cell in results.of("workers"):
        yield Case(cell.title, cell.facts["two to one"])


def _times_ours(cell: Cell, name: str) -> float | None:
    return cell.ways[name].times_ours.middle if name in cell.ways else None


_SINGLE = (
    "qsim computes in single precision, with half the memory traffic, and fuses gates on up to "
    "four qubits"
)
_LOOP = "sampling loop against careful Aer"
_USER = "user code unchanged, against naive"
_QULACS = "sampling loop against qulacs"
_OTHERS = "sampling loop against lightning and qsim"
_NATIVE = "tier native: time added to Aer's own"
_LIMIT = "physical limit, n = 12 to 20"
_CACHED = (
    "up to 16 qubits the state lies in the caches, where a pass is shorter than the arithmetic of "
    "the gates"
)
_OWN_RESULTS = (
    "binding, headers, the result and the counts are Python's: a third of a millisecond at 4 "
    "qubits, where Aer itself takes less than one"
)
_COLD = (
    "what it comes from is not established; the circuits of a long list are read from memory, "
    "those of a short one from the processor's caches"
)
_GROWTH = "growth from 100 to 10,000 circuits"
_VQE = "sampled VQE energy"
_BASES = ("99 terms, 28 bases",)

CLAIMS = (
    Claim("loop-8", _LOOP, "n <= 8", 50, ratio("sampling", "careful", (4, 8))),
    Claim("loop-12", _LOOP, "n = 12", 15, ratio("sampling", "careful", (12,))),
    Claim("loop-16", _LOOP, "n = 16", 4, ratio("sampling", "careful", (16,))),
    Claim("loop-20", _LOOP, "n = 20", 2, ratio("sampling", "careful", (20,))),
    Claim("user-8", _USER, "n <= 8", 100, ratio("user code", "naive", (4, 8))),
    Claim("user-12", _USER, "n = 12", 30, ratio("user code", "naive", (12,))),
    Claim("user-20", _USER, "n = 16, 20: not slower", 1, ratio("user code", "naive", (16, 20))),
    Claim("qulacs-16", _QULACS, "n <= 16", 2, ratio("sampling", "qulacs", (4, 8, 12, 16))),
    Claim("qulacs-20", _QULACS, "n = 20", 1.5, ratio("sampling", "qulacs", (20,))),
    Claim(
        "lightning-16", _OTHERS, "lightning, n <= 16", 1,
        ratio("sampling", "lightning", (4, 8, 12, 16)),
    ),
    Claim("qsim-16", _OTHERS, "qsim, n <= 16", 1, ratio("sampling", "qsim", (4, 8, 12, 16))),
    Claim("lightning-20", _OTHERS, "lightning, n = 20", 1, ratio("sampling", "lightning", (20,))),
    Claim("qsim-20", _OTHERS, "qsim, n = 20", 1, ratio("sampling", "qsim", (20,)), reason=_SINGLE),
    Claim(
        "expectation", "exact expectation values", "against Aer EstimatorV2, n <= 12", 50,
        ratio("expectation", "aer_v2", (4, 8, 12)),
    ),
    Claim("vqe-naive", _VQE, "against naive", 1000, ratio("vqe", "naive", (4,), _BASES)),
    Claim("vqe-careful", _VQE, "against careful", 40, ratio("vqe", "careful", (4,), _BASES)),
    Claim("clops-naive", "CLOPS, n = 5", "against naive", 500, ratio("clops", "naive", (5,))),
    Claim("clops-careful", "CLOPS, n = 5", "against careful", 20, ratio("clops", "careful", (5,))),
    Claim("clops-qulacs", "CLOPS, n = 5", "against qulacs", 1.5, ratio("clops", "qulacs", (5,))),
    Claim(
        "native-12", _NATIVE, "n <= 12", 0.35,
        overhead((4, 8, 12)), at_least=False, unit="%", reason=_OWN_RESULTS,
    ),
    Claim(
        "native-16", _NATIVE, "n = 16", 0.08,
        overhead((16,)), at_least=False, unit="%", reason=_OWN_RESULTS,
    ),
    Claim(
        "native-20", _NATIVE, "n = 20", 0.01,
        overhead((20,)), at_least=False, unit="%",
    ),
    Claim(
        "growth-time", _GROWTH, "time of a circuit", 1.2,
        growth_time, at_least=False, reason=_COLD,
    ),
    Claim(
        "growth-memory", _GROWTH, "memory beyond the outputs", 50,
        growth_memory, at_least=False, unit="MB",
    ),
    Claim("workers", "two workers against one", "throughput", 1.7, workers),
    Claim(
        "limit-gates", _LIMIT, "times a pass over memory a gate", 2.5,
        limit("bound by gates"), at_least=False,
    ),
    Claim(
        "limit-layers", _LIMIT, "stricter: a pass a layer of gates", 2.5,
        limit("bound by layers"), at_least=False, reason=_CACHED,
    ),
)  # fmt: skip
