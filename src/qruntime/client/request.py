# SPDX-License-Identifier: Apache-2.0
"""The one way to a server: a request, repeated where that is safe, and errors of their own classes.

The only module that knows the HTTP library.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx2

from qruntime import errors
from qruntime._version import __version__
from qruntime.errors import (
    DuplicateProgramError,
    InvalidInputError,
    NotFoundError,
    QRuntimeError,
    TooManyRequestsError,
    UnavailableError,
)

_PATIENCE_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_SILENCE_SECONDS = 40.0
"""A stream that has not even sent a sign of life for so long is taken for dead."""

_LARGEST_EVENT_BYTES = 512 * 2**20
_SAFE = frozenset({"GET", "PUT", "DELETE"})
_AGAIN = frozenset({429, 502, 503, 504})


class BrokenStreamError(Exception):
    """A stream broke off, or could not be opened; the server may be there all the same."""


class Requests:
    """Calls a server. Safe from any thread.

    A call that changes nothing, or that the server does once however often it comes, is repeated
    for ``patience_seconds`` when the server cannot be reached or is too busy.

    Raises:
        InvalidInputError: the URL cannot be a server's.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        verify: bool | str = True,
        proxy: str | None = None,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        parsed = httpx2.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InvalidInputError(
                f"{url!r} cannot be a server: needed is http://HOST:PORT or https://HOST:PORT"
            )
        self.url = str(parsed).rstrip("/")
        headers = {"User-Agent": f"qruntime/{__version__}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._patience_seconds = patience_seconds
        self._client = httpx2.Client(
            base_url=f"{self.url}/api/v1",
            headers=headers,
            verify=_trusted(verify),
            proxy=proxy,
            timeout=httpx2.Timeout(60.0, connect=10.0),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return the text of the answer.

        Raises:
            QRuntimeError: what the server's answer tells, of the class that has its code.
            UnavailableError: the server cannot be reached.
        """
        again = method in _SAFE or "Idempotency-Key" in (headers or {})
        give_up_at = time.monotonic() + self._patience_seconds
        pause = _FIRST_PAUSE_SECONDS
        asked = {key: value for key, value in (params or {}).items() if value is not None}
        tried = False
        while True:
            failure: QRuntimeError
            try:
                response = self._client.request(
                    method, path, json=json, params=asked, headers=headers
                )
            except httpx2.TransportError as error:
                failure, retry, tried = self._unreached(error), again, True
            else:
                if response.is_success or (tried and method == "DELETE" and _gone(response)):
                    return response.text
                failure = _error(response)
                retry = response.status_code in _AGAIN and (again or response.status_code == 429)
            wait = max(pause, getattr(failure, "retry_after", 0.0)) * random.uniform(0.8, 1.2)  # noqa: S311  spreads clients, hides nothing
            if not retry or time.monotonic() + wait > give_up_at:
                raise failure
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def stream(
        self, path: str, *, params: Mapping[str, Any], seconds: float | None
    ) -> Iterator[str]:
        """Yield the data of the events that the server sends, until it ends the stream.

        Raises:
            BrokenStreamError: it broke off, could not be opened, or ``seconds`` have passed
                without a sign of life.
            QRuntimeError: the server refuses.
        """
        silence = _SILENCE_SECONDS if seconds is None else min(seconds, _SILENCE_SECONDS)
        try:
            with self._client.stream(
                "GET",
                path,
                params=params,
                headers={"Accept": "text/event-stream"},
                timeout=httpx2.Timeout(silence, connect=10.0),
            ) as response:
                if response.status_code == 204:
                    return
                if response.status_code != 200:
                    response.read()
                    if response.status_code in _AGAIN:
                        raise BrokenStreamError(f"the server answered {response.status_code}")
                    raise _error(response)
                for item in httpx2.EventSource(response, max_event_size=_LARGEST_EVENT_BYTES):
                    yield item.data
        except httpx2.TransportError as error:
            raise BrokenStreamError(_reason(error)) from error

    def _unreached(self, error: Exception) -> UnavailableError:
        made = UnavailableError(f"{self.url} cannot be reached: {_reason(error)}")
        made.__cause__ = error
        return made


def part(text: str) -> str:
    """Return a text as one part of a path."""
    return quote(str(text), safe="")


def _gone(response: httpx2.Response) -> bool:
    return response.status_code == 404


def _trusted(verify: bool | str) -> Any:
    if isinstance(verify, bool):
        return verify
    import ssl

    context = ssl.create_default_context()
    try:
        context.load_verify_locations(verify)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInputError(f"verify={verify!r} holds no certificates: {error}") from error
    return context


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _error(response: httpx2.Response) -> QRuntimeError:
    """Return the error that the server's answer tells of, of the class that has its code."""
    try:
        told = response.json()
        code, detail = str(told["code"]), str(told["detail"])
    except (ValueError, KeyError, TypeError):
        return UnavailableError(
            f"{response.url.host} answered {response.status_code}, not as a qruntime server does"
        )
    message = f"{told['field']}: {detail}" if told.get("field") else detail
    made = _class_of(code, response.status_code)(message)
    if isinstance(made, TooManyRequestsError):
        made.retry_after = _seconds(response.headers.get("Retry-After"))
    if isinstance(made, DuplicateProgramError):
        made.program_id = str(told.get("subject") or "")
    return made


def _class_of(code: str, status: int) -> type[QRuntimeError]:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, QRuntimeError) and kind.code == code:
            return kind
    if status == 404:
        return NotFoundError
    return InvalidInputError if status in (400, 405, 422) else UnavailableError


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdigit() else 1.0
