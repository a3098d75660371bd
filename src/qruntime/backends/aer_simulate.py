# SPDX-License-Identifier: Apache-2.0
"""One call of Qiskit Aer: circuits and options in, a successful result or an error out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from qiskit import QuantumCircuit
from qiskit.result import Result

from qruntime.errors import ExecutionError


@cache
def _simulator() -> Any:
    """Return the one simulator of the process; every option is given with each run."""
    from qiskit_aer import AerSimulator

    return AerSimulator()


def simulate(
    circuits: Sequence[QuantumCircuit], options: Mapping[str, Any], *, first: int = 0
) -> Result:
    """Run bound circuits on Aer; ``first`` is the number of the first one in its list.

    Raises:
        ExecutionError: Aer failed for at least one circuit; the message has Aer's reason for each.
    """
    try:
        result: Result = _simulator().run(list(circuits), **options).result()
    except Exception as error:  # Aer raises its own errors and those of its C++ part
        reason = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
        raise ExecutionError(f"Aer could not run the circuits: {reason}") from error
    if not result.success:
        reasons = [
            f"circuit {index}: {getattr(experiment, 'status', 'failed')}"
            for index, experiment in enumerate(result.results, start=first)
            if not experiment.success
        ]
        raise ExecutionError("; ".join(reasons) or str(result.status))
    return result
