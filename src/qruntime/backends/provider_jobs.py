# SPDX-License-Identifier: Apache-2.0
"""A provider's asynchronous job: waited for, cancelled, its errors made ours."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from qiskit.result import Result

from qruntime.errors import ExecutionError, ExecutionTimeoutError, InvalidInputError

FINAL = ("DONE", "CANCELLED", "ERROR")
_FIRST_POLL_SECONDS = 0.002
_LONGEST_POLL_SECONDS = 1.0


@contextlib.contextmanager
def provider_errors() -> Iterator[None]:
    """Raise what a provider raises as ``ExecutionError``, with its message."""
    try:
        yield
    except (ExecutionError, InvalidInputError):
        raise
    except Exception as error:  # a provider may raise anything; its message is what the user needs
        raise ExecutionError(
            f"the provider's backend failed: {type(error).__name__}: {error}"
        ) from error


def wait_until_final(
    job: Any,
    deadline: float | None,
    timeout: float | None,
    sleep: Callable[[float], object] | None = None,
) -> None:
    """Wait for a job to be done; ``deadline`` is a moment of the monotonic clock.

    Raises:
        ExecutionTimeoutError: the deadline passed.
        ExecutionError: the job failed, or was cancelled at the provider.
    """
    pause = _FIRST_POLL_SECONDS
    while (status := status_name(job)) not in FINAL:
        left = _LONGEST_POLL_SECONDS if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise ExecutionTimeoutError(
                f"the job did not finish within the timeout of {timeout:g} s (it was {status}); "
                "it was cancelled"
            )
        (sleep or time.sleep)(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)
    if status == "CANCELLED":
        raise ExecutionError(f"the provider's job {job.job_id()} was cancelled there")
    if status == "ERROR":
        reason = job.error_message() if hasattr(job, "error_message") else "no reason was given"
        raise ExecutionError(f"the provider's job {job.job_id()} failed: {reason}")


def successful(result: Result, job: Any) -> Result:
    """Return a result that says of itself that it is one.

    Raises:
        ExecutionError: it says that the job failed.
    """
    if not result.success:
        raise ExecutionError(f"the provider's job {job.job_id()} failed: {result.status}")
    return result


def cancel_unless_final(job: Any) -> None:
    """Cancel a job that has not ended, as far as the provider can be reached."""
    status = ""
    with contextlib.suppress(Exception):  # the first error is the one to report
        status = status_name(job)
    with contextlib.suppress(Exception):
        if status not in FINAL:
            job.cancel()


def status_name(job: Any) -> str:
    """Return the name of a job's status; some providers have it as text already."""
    status = job.status()
    return str(getattr(status, "name", status))
