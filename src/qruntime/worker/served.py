# SPDX-License-Identifier: Apache-2.0
"""What a program's own imports get in place of Qiskit's transpiler: the cache of this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qruntime.execution.transpilation import shared_cache
from qruntime.program.legacy.execute import executing_with


def served_functions() -> Mapping[tuple[str, str], Any]:
    """Return ``transpile``, pass managers and the old ``execute``, by module and name."""
    served = shared_cache()
    execute = executing_with(served.transpile)
    old = {("qiskit", "execute"): execute, ("qiskit.execute_function", "execute"): execute}
    return {**served.replacements, **old}
