# SPDX-License-Identifier: Apache-2.0
"""The open quantum runtime: upload a program once, run it next to a quantum backend.

Everything a user needs is here; what is heavy is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qruntime._version import __version__

if TYPE_CHECKING:
    from qruntime.backends.aer import AerBackend as AerBackend
    from qruntime.backends.noise import noise_model_from as noise_model_from
    from qruntime.backends.provider import ProviderBackend as ProviderBackend
    from qruntime.backends.registry import Catalog as Catalog
    from qruntime.client.decoder import ResultDecoder as ResultDecoder
    from qruntime.client.job import RuntimeJob as RuntimeJob
    from qruntime.client.options import RuntimeOptions as RuntimeOptions
    from qruntime.client.program import ParameterNamespace as ParameterNamespace
    from qruntime.client.program import RuntimeProgram as RuntimeProgram
    from qruntime.client.service import RuntimeService as RuntimeService
    from qruntime.client.session import Batch as Batch
    from qruntime.client.session import Session as Session
    from qruntime.core.jobs import JobStatus as JobStatus
    from qruntime.errors import BackendNotFoundError as BackendNotFoundError
    from qruntime.errors import DuplicateProgramError as DuplicateProgramError
    from qruntime.errors import EnvironmentFailedError as EnvironmentFailedError
    from qruntime.errors import ExecutionError as ExecutionError
    from qruntime.errors import ExecutionTimeoutError as ExecutionTimeoutError
    from qruntime.errors import IdempotencyConflictError as IdempotencyConflictError
    from qruntime.errors import InvalidCircuitError as InvalidCircuitError
    from qruntime.errors import InvalidInputError as InvalidInputError
    from qruntime.errors import InvalidProgramError as InvalidProgramError
    from qruntime.errors import InvalidSchemaError as InvalidSchemaError
    from qruntime.errors import InvalidStateError as InvalidStateError
    from qruntime.errors import JobCancelledError as JobCancelledError
    from qruntime.errors import JobError as JobError
    from qruntime.errors import JobFailedError as JobFailedError
    from qruntime.errors import JobNotFoundError as JobNotFoundError
    from qruntime.errors import JobRanTooLongError as JobRanTooLongError
    from qruntime.errors import JobTimeoutError as JobTimeoutError
    from qruntime.errors import MissingDependencyError as MissingDependencyError
    from qruntime.errors import NotAuthenticatedError as NotAuthenticatedError
    from qruntime.errors import NotAuthorizedError as NotAuthorizedError
    from qruntime.errors import NotFoundError as NotFoundError
    from qruntime.errors import NotSerializableError as NotSerializableError
    from qruntime.errors import ProgramNotFoundError as ProgramNotFoundError
    from qruntime.errors import QRuntimeError as QRuntimeError
    from qruntime.errors import SchemaViolationError as SchemaViolationError
    from qruntime.errors import SessionNotFoundError as SessionNotFoundError
    from qruntime.errors import StoreError as StoreError
    from qruntime.errors import TooLargeError as TooLargeError
    from qruntime.errors import TooManyRequestsError as TooManyRequestsError
    from qruntime.errors import UnavailableError as UnavailableError
    from qruntime.errors import UndecodableError as UndecodableError
    from qruntime.errors import UnknownOptionError as UnknownOptionError
    from qruntime.errors import UnsupportedOptionError as UnsupportedOptionError
    from qruntime.errors import UserNotFoundError as UserNotFoundError
    from qruntime.program.backend import BackendV1 as BackendV1
    from qruntime.program.backend import ProgramBackend as ProgramBackend
    from qruntime.program.job import FinishedJob as FinishedJob
    from qruntime.program.messenger import UserMessenger as UserMessenger
    from qruntime.program.models import BackendConfiguration as BackendConfiguration
    from qruntime.program.models import BackendProperties as BackendProperties
    from qruntime.program.models import BackendStatus as BackendStatus
    from qruntime.program.models import GateConfig as GateConfig
    from qruntime.program.provider import Provider as Provider
    from qruntime.program.provider import ProviderV1 as ProviderV1
    from qruntime.wire import RuntimeDecoder as RuntimeDecoder
    from qruntime.wire import RuntimeEncoder as RuntimeEncoder

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
    "qruntime.client.session": ("Batch", "Session"),
    "qruntime.core.jobs": ("JobStatus",),
    "qruntime.errors": (
        "BackendNotFoundError",
        "DuplicateProgramError",
        "EnvironmentFailedError",
        "ExecutionError",
        "ExecutionTimeoutError",
        "IdempotencyConflictError",
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
        "NotAuthenticatedError",
        "NotAuthorizedError",
        "NotFoundError",
        "NotSerializableError",
        "ProgramNotFoundError",
        "QRuntimeError",
        "SchemaViolationError",
        "SessionNotFoundError",
        "StoreError",
        "TooLargeError",
        "TooManyRequestsError",
        "UnavailableError",
        "UndecodableError",
        "UnknownOptionError",
        "UnsupportedOptionError",
        "UserNotFoundError",
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
