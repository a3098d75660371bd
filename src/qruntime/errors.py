# SPDX-License-Identifier: Apache-2.0
"""Every error that qruntime raises on purpose.

::

    QRuntimeError
    ├── InvalidInputError (ValueError)      something given was wrong: nothing was run
    │   ├── UnknownOptionError (AttributeError)
    │   ├── UnsupportedOptionError          the option is known, this backend cannot honour it
    │   ├── InvalidCircuitError
    │   ├── InvalidProgramError             no ``main``, wrong signature, syntax error, bad metadata
    │   ├── InvalidSchemaError
    │   ├── SchemaViolationError            a value does not fit the program's schema
    │   ├── NotSerializableError (TypeError)
    │   └── UndecodableError                data on the wire that is broken or of an unknown type
    ├── NotFoundError (LookupError)
    │   ├── BackendNotFoundError
    │   ├── ProgramNotFoundError
    │   ├── JobNotFoundError
    │   ├── SessionNotFoundError
    │   └── UserNotFoundError
    ├── DuplicateProgramError
    ├── InvalidStateError                   the job is not in a state that allows this
    ├── IdempotencyConflictError            the key of this submission was used for another one
    ├── NotAuthenticatedError (PermissionError)
    ├── NotAuthorizedError (PermissionError)
    ├── TooLargeError                       more bytes than the server takes
    ├── TooManyRequestsError                wait, then try again
    ├── UnavailableError                    the server cannot answer now, or is not reached
    │   └── StoreError                      its database or object store failed
    ├── MissingDependencyError (ImportError)
    ├── EnvironmentFailedError              a program's declared dependencies cannot be installed
    ├── ExecutionError                      a backend could not execute circuits
    │   └── ExecutionTimeoutError (TimeoutError)
    ├── JobError
    │   ├── JobFailedError                  the program raised; carries its traceback
    │   │   └── JobRanTooLongError          stopped at its time limit
    │   └── JobCancelledError
    └── JobTimeoutError (TimeoutError)      waiting took longer than asked; the job goes on
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class QRuntimeError(Exception):
    """The root of the tree. ``code`` is stable and travels between processes."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class InvalidInputError(QRuntimeError, ValueError):
    """Something that the caller gave is wrong; nothing was run and nothing changed."""

    code = "invalid_input"


class UnknownOptionError(InvalidInputError, AttributeError):
    """An option that the backend does not have."""

    code = "unknown_option"


class UnsupportedOptionError(InvalidInputError):
    """An option, or a value of it, that the backend knows but cannot honour."""

    code = "unsupported_option"


class InvalidCircuitError(InvalidInputError):
    """A circuit that the backend cannot run. ``index`` is its place in the list."""

    code = "invalid_circuit"

    def __init__(self, message: str, *, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class InvalidProgramError(InvalidInputError):
    """A program that cannot be loaded, or whose ``main`` cannot be called."""

    code = "invalid_program"


class InvalidSchemaError(InvalidInputError):
    """A JSON Schema in a program's metadata that is broken or too large to check safely."""

    code = "invalid_schema"


class SchemaViolationError(InvalidInputError):
    """A value that does not fit the program's schema. ``path`` leads to the offending part."""

    code = "schema_violation"

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class NotSerializableError(InvalidInputError, TypeError):
    """A value that cannot cross a process boundary."""

    code = "not_serializable"


class UndecodableError(InvalidInputError):
    """Data on the wire that is broken, or of a type that is not in the closed table."""

    code = "undecodable"


class NotFoundError(QRuntimeError, LookupError):
    """There is no such thing."""

    code = "not_found"


class BackendNotFoundError(NotFoundError):
    """No backend has this name."""

    code = "backend_not_found"


class ProgramNotFoundError(NotFoundError):
    """No program has this id."""

    code = "program_not_found"


class JobNotFoundError(NotFoundError):
    """No job has this id."""

    code = "job_not_found"


class SessionNotFoundError(NotFoundError):
    """No session has this id."""

    code = "session_not_found"


class UserNotFoundError(NotFoundError):
    """No user has this id."""

    code = "user_not_found"


class DuplicateProgramError(QRuntimeError):
    """A program of this id exists already. ``program_id`` is the id."""

    code = "duplicate_program"

    def __init__(self, message: str, *, program_id: str = "") -> None:
        super().__init__(message)
        self.program_id = program_id


class InvalidStateError(QRuntimeError):
    """The object is not in a state that allows the call."""

    code = "invalid_state"


class IdempotencyConflictError(QRuntimeError):
    """The idempotency key was used before, for another submission."""

    code = "idempotency_conflict"


class NotAuthenticatedError(QRuntimeError, PermissionError):
    """The server does not know who is calling: there is no valid key."""

    code = "not_authenticated"


class NotAuthorizedError(QRuntimeError, PermissionError):
    """The caller may not do this."""

    code = "not_authorized"


class TooLargeError(QRuntimeError):
    """More bytes than the server takes."""

    code = "too_large"


class TooManyRequestsError(QRuntimeError):
    """A limit of the caller is used up. ``retry_after`` is how many seconds to wait."""

    code = "too_many_requests"

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(QRuntimeError):
    """The server cannot answer now, or cannot be reached. Trying again later may help."""

    code = "unavailable"


class StoreError(UnavailableError):
    """The server's database or object store failed."""

    code = "store_failed"


class MissingDependencyError(QRuntimeError, ImportError):
    """An optional package is needed; the message says how to install it."""

    code = "missing_dependency"


class EnvironmentFailedError(QRuntimeError):
    """The environment that a program declares cannot be resolved or built here and now."""

    code = "environment_failed"


class ExecutionError(QRuntimeError):
    """A backend accepted circuits and failed to execute them."""

    code = "execution_failed"


class ExecutionTimeoutError(ExecutionError, TimeoutError):
    """``backend.run`` did not finish within ``timeout`` seconds; the computation was stopped."""

    code = "execution_timeout"


class JobError(QRuntimeError):
    """A job ended without a result."""

    code = "job_error"


class JobFailedError(JobError):
    """The program raised. ``traceback`` is the program's own part of it, as text."""

    code = "job_failed"

    def __init__(self, message: str, *, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class JobRanTooLongError(JobFailedError):
    """The job was stopped at its time limit."""

    code = "job_ran_too_long"


class JobCancelledError(JobError):
    """The job was cancelled."""

    code = "job_cancelled"


class JobTimeoutError(QRuntimeError, TimeoutError):
    """Waiting for a job took longer than asked. The job itself goes on."""

    code = "job_timeout"


def nearest(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """Return ``"; did you mean 'a' or 'b'?"`` if a name is close to known ones, else ``""``."""
    found = difflib.get_close_matches(name, list(known), n=limit, cutoff=0.55)
    if not found:
        return ""
    quoted = [f"'{item}'" for item in found]
    listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    return f"; did you mean {listed}?"
