# SPDX-License-Identifier: Apache-2.0
"""Errors as problem documents (RFC 9457): which status each code has, in one table."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from qruntime import errors
from qruntime.wire.schemas import Problem

_logger = logging.getLogger(__name__)

STATUS_OF: tuple[tuple[type[errors.QRuntimeError], int], ...] = (
    (errors.NotFoundError, 404),
    (errors.DuplicateProgramError, 409),
    (errors.InvalidStateError, 409),
    (errors.IdempotencyConflictError, 409),
    (errors.NotAuthenticatedError, 401),
    (errors.NotAuthorizedError, 403),
    (errors.TooLargeError, 413),
    (errors.TooManyRequestsError, 429),
    (errors.UnavailableError, 503),
    (errors.EnvironmentFailedError, 503),
    (errors.InvalidInputError, 422),
    (errors.MissingDependencyError, 422),
)
"""The status of each class of errors, and of its subclasses; any other is the server's fault."""

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "model": Problem,
        "description": text,
        "content": {"application/problem+json": {}},
    }
    for status, text in (
        (401, "No key, or not one of this server."),
        (403, "The key or the role does not allow it."),
        (404, "There is no such thing, or it is somebody else's."),
        (413, "The body is larger than the server takes."),
        (422, "Something that was given is wrong; nothing was done."),
        (429, "A limit of the caller is used up."),
        (503, "The server cannot answer now."),
    )
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {
        "model": Problem,
        "description": "It is not in a state that allows this, or exists already.",
        "content": {"application/problem+json": {}},
    }
}


def install(app: FastAPI) -> None:
    """Let the app answer every error with a problem document."""
    app.add_exception_handler(errors.QRuntimeError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def status_of(error: errors.QRuntimeError) -> int:
    """Return the HTTP status of an error."""
    return next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    subject: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return the answer for an error."""
    held = Problem(
        type=f"urn:qruntime:error:{code}",
        title=code.replace("_", " "),
        status=status,
        detail=detail,
        code=code,
        field=field,
        subject=subject,
        request_id=getattr(request.state, "request_id", None),
    )
    return JSONResponse(
        held.model_dump(exclude_none=True),
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.QRuntimeError)
    headers = {}
    if isinstance(error, errors.NotAuthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.TooManyRequestsError):
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    if isinstance(error, errors.UnavailableError):
        headers["Retry-After"] = "2"
    status = status_of(error)
    if status >= 500:
        _logger.error("request failed", exc_info=error)
    field = getattr(error, "path", None) or None
    return problem(
        request,
        status,
        error.code,
        error.message,
        field=field,
        subject=getattr(error, "program_id", None),
        headers=headers,
    )


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = [str(part) for part in first["loc"][1:]]
    detail = first["msg"]
    if len(error.errors()) > 1:
        detail += f" (and {len(error.errors()) - 1} more)"
    return problem(request, 422, "invalid_input", detail, field=".".join(place) or None)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed"}
    code = codes.get(error.status_code, "invalid_input" if error.status_code < 500 else "error")
    headers = dict(error.headers or {})
    return problem(request, error.status_code, code, str(error.detail), headers=headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _logger.error("request failed", exc_info=error)
    detail = "something went wrong in the server; its log has the reason under this request id"
    return problem(request, 500, "internal_error", detail)
