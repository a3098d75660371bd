# SPDX-License-Identifier: Apache-2.0
"""The open quantum runtime: upload a program once, run it next to a quantum backend.

Everything a user needs is here; what is heavy is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qruntime._version import __version__

if TYPE_CHECKING:
    from qruntime.backends.aer import AerBackend
    from qruntime.backends.noise import noise_model_from
    from qruntime.backends.provider import ProviderBackend
    from qruntime.backends.registry import Catalog
    from qruntime.client.decoder import ResultDecoder
    from qruntime.client.job import RuntimeJob
    from qruntime.client.options import RuntimeOptions
    from qruntime.client.program import ParameterNamespace, RuntimeProgram
    from qruntime.client.service import RuntimeService
    from qruntime.core.jobs import JobStatus
    from qruntime.errors import (
        BackendNotFoundError,
        DuplicateProgramError,
        ExecutionError,
        ExecutionTimeoutError,
        InvalidCircuitError,
        InvalidInputError,
        InvalidProgramError,
        InvalidSchemaError,
        InvalidStateError,
        JobCancelledError,
        JobError,
        JobFailedError,
        JobNotFoundError,
        JobRanTooLongError,
        JobTimeoutError,
        MissingDependencyError,
        NotAuthorizedError,
        NotFoundError,
        NotSerializableError,
        ProgramNotFoundError,
        QRuntimeError,
        SchemaViolationError,
        UndecodableError,
        UnknownOptionError,
        UnsupportedOptionError,
    )
    from qruntime.program.backend import BackendV1, ProgramBackend
    from qruntime.program.job import FinishedJob
    from qruntime.program.messenger import UserMessenger
    from qruntime.program.models import (
        BackendConfiguration,
        BackendProperties,
        BackendStatus,
        GateConfig,
    )
    from qruntime.program.provider import Provider, ProviderV1
    from qruntime.wire import RuntimeDecoder, RuntimeEncoder

_HOMES = {
    "qruntime.backends.aer": ("AerBackend",),
    "qruntime.backends.noise": ("noise_model_from",),
    "qruntime.backends.provider": ("ProviderBackend",),
    "qruntime.backends.registry": ("Catalog",),
    "qruntime.client.decoder": ("ResultDecoder",),
    "qruntime.client.job": ("RuntimeJob",),
    "qruntime.client.options": ("RuntimeOptions",),
    "qruntime.client.program": ("ParameterNamespace", "RuntimeProgram"),
    "qruntime.client.service": ("RuntimeService",),
    "qruntime.core.jobs": ("JobStatus",),
    "qruntime.errors": (
        "BackendNotFoundError",
        "DuplicateProgramError",
        "ExecutionError",
        "ExecutionTimeoutError",
        "InvalidCircuitError",
        "InvalidInputError",
        "InvalidProgramError",
        "InvalidSchemaError",
        "InvalidStateError",
        "JobCancelledError",
        "JobError",
        "JobFailedError",
        "JobNotFoundError",
        "JobRanTooLongError",
        "JobTimeoutError",
        "MissingDependencyError",
        "NotAuthorizedError",
        "NotFoundError",
        "NotSerializableError",
        "ProgramNotFoundError",
        "QRuntimeError",
        "SchemaViolationError",
        "UndecodableError",
        "UnknownOptionError",
        "UnsupportedOptionError",
    ),
    "qruntime.program.backend": ("BackendV1", "ProgramBackend"),
    "qruntime.program.job": ("FinishedJob",),
    "qruntime.program.messenger": ("UserMessenger",),
    "qruntime.program.models": (
        "BackendConfiguration",
        "BackendProperties",
        "BackendStatus",
        "GateConfig",
    ),
    "qruntime.program.provider": ("Provider", "ProviderV1"),
    "qruntime.wire": ("RuntimeDecoder", "RuntimeEncoder"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: PLE0604  the names are strings, gathered above
    "__version__",
    *sorted(_HOME_OF),
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'qruntime' has no attribute '{name}'")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
