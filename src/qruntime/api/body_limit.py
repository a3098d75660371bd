# SPDX-License-Identifier: Apache-2.0
"""Bodies that are too large are refused while they come, not when they are in memory."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qruntime.wire.schemas import Problem


class BodyLimit:
    """ASGI middleware: answers 413 to a body of more bytes than the app's limits allow."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most_bytes: int = scope["app"].state.parts.limits.body_bytes
        stated = dict(scope["headers"]).get(b"content-length", b"")
        if stated.isdigit() and int(stated) > most_bytes:
            await _refuse(send, most_bytes)
            return
        counted = _Counted(receive, send, most_bytes)
        try:
            await self._app(scope, counted.receive, counted.send)
        except Exception:
            if not counted.refused:
                raise
        if counted.refused and not counted.started:
            await _refuse(send, most_bytes)


class _Counted:
    """One request: to the app, one that sends too much looks like one that hangs up."""

    def __init__(self, receive: Receive, send: Send, most_bytes: int) -> None:
        self._receive = receive
        self._send = send
        self._left = most_bytes
        self.refused = False
        self.started = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.refused = True
                return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        if not self.refused or self.started:
            self.started = True
            await self._send(message)


async def _refuse(send: Send, most_bytes: int) -> None:
    problem = Problem(
        type="urn:qruntime:error:too_large",
        title="too large",
        status=413,
        detail=f"the body is larger than the {most_bytes} bytes that this server takes",
        code="too_large",
    )
    body = problem.model_dump_json(exclude_none=True).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
