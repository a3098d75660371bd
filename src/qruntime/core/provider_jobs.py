# SPDX-License-Identifier: Apache-2.0
"""What a job has had run at a provider: recorded before it is submitted, so that none is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ProviderJobState(StrEnum):
    """What is known of a provider's job."""

    INTENDED = "intended"
    """It is about to be submitted, or was: the provider has not named it yet."""
    SUBMITTED = "submitted"
    """The provider has it, and it has not been seen to end."""
    UNKNOWN = "unknown"
    """Nobody can say: it was to be submitted, and the provider cannot be asked or has not said."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOT_SUBMITTED = "not submitted"
    """The provider does not have it: it was refused, or never reached it."""

    @property
    def final(self) -> bool:
        """Whether nothing more is expected."""
        return self not in OPEN


OPEN = frozenset({ProviderJobState.INTENDED, ProviderJobState.SUBMITTED, ProviderJobState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class ProviderJob:
    """One run of circuits at a provider.

    ``number`` counts the runs of an attempt from 1. ``token`` is ours, and goes with the submission
    where the provider takes one; ``provider_job_id`` is the provider's.
    """

    job_id: str
    attempt: int
    number: int
    backend_name: str
    token: str
    created: datetime
    state: ProviderJobState = ProviderJobState.INTENDED
    provider_job_id: str | None = None
