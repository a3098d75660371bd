# SPDX-License-Identifier: Apache-2.0
"""How circuits are run fast: compiled once, bound many times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qruntime.execution.unsupported import NotSupportedError

if TYPE_CHECKING:
    from qruntime.execution.observables import PauliSums
    from qruntime.execution.program import StatevectorProgram, warm
    from qruntime.execution.readout import Readout, Samples

__all__ = [
    "NotSupportedError",
    "PauliSums",
    "Readout",
    "Samples",
    "StatevectorProgram",
    "warm",
]

_HOMES = {
    "PauliSums": "observables",
    "Readout": "readout",
    "Samples": "readout",
    "StatevectorProgram": "program",
    "warm": "program",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: importing this package stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
