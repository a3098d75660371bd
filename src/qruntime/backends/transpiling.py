# SPDX-License-Identifier: Apache-2.0
"""``backend.transpile``: Qiskit's transpiler for a backend, served from the shared cache."""

from __future__ import annotations

from typing import Any

from qruntime.errors import InvalidInputError
from qruntime.execution.transpilation import TranspileCache, shared_cache


class Transpiling:
    """Gives a backend its own ``transpile``."""

    def transpile(self, circuits: Any, **options: Any) -> Any:
        """Transpile for this backend, as ``qiskit.transpile(circuits, backend, **options)`` does.

        A circuit like one before, with other angles perhaps, is served from a cache: equivalent to
        what Qiskit gives, with the same layout and routing for the same seed. ``transpile_cache``
        has its statistics and switches it off.

        Raises:
            InvalidInputError: another backend is given.
        """
        if "backend" in options:
            raise InvalidInputError(
                "backend.transpile transpiles for itself and takes no 'backend'; "
                "for another backend call that one's transpile, or qiskit.transpile"
            )
        return self.transpile_cache.transpile(circuits, self, **options)

    @property
    def transpile_cache(self) -> TranspileCache:
        """The cache of transpiled circuits, which the backends of this process share."""
        return shared_cache()
