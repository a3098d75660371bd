# SPDX-License-Identifier: Apache-2.0
"""What a native run gives: Aer's raw data, and Qiskit's ``Result`` when somebody looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any

from qiskit.result import Counts, Result

from qruntime.execution.lazy_counts import LazyCounts
from qruntime.execution.native_aer import NativeAer

_TABLED_BITS = 12
"""Up to this many bits, the texts of all outcomes are made once and then looked up."""


class NativeResult(Result):
    """Qiskit's ``Result`` that formats counts many times faster, to the same ``Counts``."""

    def get_counts(self, experiment: Any = None) -> Any:
        """Return the counts of an experiment, or of all of them: a dict, or a list if many."""
        keys = range(len(self.results)) if experiment is None else (experiment,)
        found = [self._counts(key) for key in keys]
        return found[0] if len(found) == 1 else found

    def _counts(self, key: Any) -> Any:
        item = self._get_experiment(key)
        raw = getattr(item.data, "counts", None)
        header = getattr(item, "header", None)
        if not isinstance(raw, Mapping) or not raw or not isinstance(header, Mapping):
            return super().get_counts(key)
        return counts_from_hex(
            raw, header.get("creg_sizes"), header.get("memory_slots"), header.get("time_taken")
        )


def counts_from_hex(
    raw: Mapping[str, int], registers: Any, memory_slots: Any, time_taken: Any = None
) -> Counts:
    """Return ``Counts(raw, time_taken, registers, memory_slots)``, made without its slow steps."""
    if not memory_slots or not registers or sum(size for _, size in registers) != memory_slots:
        return Counts(
            dict(raw), time_taken=time_taken, creg_sizes=registers, memory_slots=memory_slots
        )
    sizes = tuple(size for _, size in registers)
    if memory_slots <= _TABLED_BITS:
        texts: Iterable[str] = map(_table(sizes).__getitem__, raw)
    else:
        cuts = _cuts(sizes)
        texts = (_text(int(key, 16), memory_slots, cuts) for key in raw)
    return LazyCounts.of(zip(texts, raw.values(), strict=True), registers, memory_slots, time_taken)


@lru_cache(maxsize=64)
def _table(sizes: tuple[int, ...]) -> dict[str, str]:
    cuts = _cuts(sizes)
    bits = sum(sizes)
    return {hex(number): _text(number, bits, cuts) for number in range(2**bits)}


def _cuts(sizes: tuple[int, ...]) -> list[slice]:
    """Return the places of the registers in a bit string, whose last register comes first."""
    ends = list(accumulate(reversed(sizes)))
    return [slice(end - size, end) for size, end in zip(reversed(sizes), ends, strict=True)]


def _text(number: int, bits: int, cuts: list[slice]) -> str:
    text = format(number, f"0{bits}b")
    return text if len(cuts) == 1 else " ".join([text[cut] for cut in cuts])


@dataclass(slots=True)
class NativeRun:
    """The raw outcome of one run: ``experiments`` in order, as Aer's dicts, headers complete.

    ``seed`` repeats the run, also when none was given.
    """

    aer: NativeAer
    experiments: list[dict[str, Any]]
    metadata: dict[str, Any]
    seed: int
    job_id: str
    date: str
    time_taken: float
    _result: NativeResult | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.experiments)

    @property
    def success(self) -> bool:
        """Whether every experiment succeeded."""
        return all(item["success"] for item in self.experiments)

    @property
    def status(self) -> str:
        """Aer's status of the whole: completed, partly completed, or every failure's reason."""
        failed = [item["status"] for item in self.experiments if not item["success"]]
        if not failed:
            return "COMPLETED"
        if len(failed) < len(self.experiments):
            return "PARTIAL COMPLETED"
        reasons = (text.removeprefix("ERROR: ") for text in failed)
        listed = "".join(f" [Experiment {index}] {text}" for index, text in enumerate(reasons))
        return f"ERROR: {listed}"

    def result(self) -> NativeResult:
        """Return the outcome as Qiskit's ``Result``, made at the first look and then kept."""
        if self._result is None:
            self._result = NativeResult.from_dict(
                {
                    "backend_name": "aer_simulator",
                    "backend_version": self.aer.version,
                    "date": self.date,
                    "job_id": self.job_id,
                    "metadata": self.metadata,
                    "qobj_id": "",
                    "results": [self._formatted(item) for item in self.experiments],
                    "status": self.status,
                    "success": self.success,
                    "time_taken": self.time_taken,
                }
            )
        return self._result

    def _formatted(self, item: dict[str, Any]) -> dict[str, Any]:
        metadata = item.get("metadata", {})
        kinds = metadata.get("result_types")
        if not kinds:
            return item
        subtypes = metadata.get("result_subtypes", {})
        data = {
            key: self.aer.format_saved(value, kinds[key], subtypes[key]) if key in kinds else value
            for key, value in item["data"].items()
        }
        return {**item, "data": data}
