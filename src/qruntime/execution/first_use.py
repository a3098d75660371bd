# SPDX-License-Identifier: Apache-2.0
"""The import of the compiled kernels, which says so when it is about to compile them."""

from __future__ import annotations

import logging
from typing import Any

from numba.core import event

_log = logging.getLogger(__name__)


class _Teller(event.Listener):
    """Warns at the first function of ours that Numba found in no cache."""

    def __init__(self) -> None:
        self._told = False

    def on_start(self, event: Any) -> None:
        """Tell what is about to take so long."""
        compiled = event.data["dispatcher"].py_func.__module__
        if not self._told and compiled.startswith("qruntime."):
            self._told = True
            _log.warning(
                "compiling the statevector kernels for this machine: it takes about half a minute, "
                "once; every later start finds them in Numba's cache"
            )

    def on_end(self, event: Any) -> None:
        """Say nothing."""


def import_kernels() -> None:
    """Import the kernels from Numba's cache, or compile them there and say so."""
    with event.install_listener("numba:compile", _Teller()):
        import qruntime.execution.kernels  # noqa: F401 - its import compiles
