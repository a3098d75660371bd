# SPDX-License-Identifier: Apache-2.0
"""What the routes work with: made once by the composition root, asked for by each request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from qruntime.api.audit import AuditLog
from qruntime.api.rates import Rates
from qruntime.core.users import AuditEntry
from qruntime.environments.installed import Resolve, use_what_is_here
from qruntime.errors import NotAuthenticatedError
from qruntime.program.checks import check_program
from qruntime.service.access import Caller
from qruntime.service.backends import Backends
from qruntime.service.programs import TryImport
from qruntime.service.users import authenticate
from qruntime.store.base import Store


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """What the server takes: bytes of a body, requests a minute of one user, queued jobs of one."""

    body_bytes: int = 64 * 2**20
    requests_a_minute: int = 6000
    failed_logins_a_minute: int = 30
    queued_jobs: int = 20_000


class Standing(Protocol):
    """Where a queued job stands: its place, and in how many seconds it is likely to start."""

    @property
    def place(self) -> int:
        """From 1, which is next."""

    @property
    def starts_in(self) -> float | None:
        """None if nobody can say."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The store, the backends, the limits, and what says who a token is.

    ``positions`` gives where queued jobs stand, by id. ``token_caller`` says who
    shows a token of an identity provider; None if it is none of its tokens. ``resolve`` gives the
    lock of what a program declares, ``try_import`` looks at its source; both when it is uploaded.
    """

    store: Store
    backends: Backends
    limits: ApiLimits = field(default_factory=ApiLimits)
    positions: Callable[[], Mapping[str, Standing]] = dict
    token_caller: Callable[[str], Caller | None] = lambda _token: None
    try_import: TryImport = check_program
    resolve: Resolve = use_what_is_here
    rates: Rates = field(default_factory=Rates)
    audit: AuditLog = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "audit", AuditLog(self.store))


async def parts_of(request: Request) -> Parts:
    """Return the parts of the app that answers a request. Async: it needs no thread."""
    found: Parts = request.app.state.parts
    return found


_bearer = HTTPBearer(auto_error=False, description="An API key: `qruntime keys create`.")


def caller_of(
    request: Request,
    parts: Annotated[Parts, Depends(parts_of)],
    shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Return who is calling.

    Raises:
        NotAuthenticatedError: there is no key, or not one of this server.
        TooManyRequestsError: he called too often.
    """
    address = request.client.host if request.client else "unknown"
    if shown is None:
        raise NotAuthenticatedError("an API key is needed: 'Authorization: Bearer KEY'")
    parts.rates.check_failures(address, parts.limits.failed_logins_a_minute)
    try:
        caller = parts.token_caller(shown.credentials) or authenticate(
            parts.store, shown.credentials
        )
    except NotAuthenticatedError as error:
        parts.rates.count_failure(address, parts.limits.failed_logins_a_minute)
        parts.audit.add(AuditEntry(parts.store.now(), "", "authenticate", address, error.code))
        raise
    request.state.user_id = caller.user_id
    parts.rates.count(caller.user_id, parts.limits.requests_a_minute)
    return caller


PartsDep = Annotated[Parts, Depends(parts_of)]
CallerDep = Annotated[Caller, Depends(caller_of)]
