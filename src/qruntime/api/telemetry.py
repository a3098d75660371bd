# SPDX-License-Identifier: Apache-2.0
"""What an operator sees of requests: one log line each, counts and times, the audit log.

No line holds a body, a query string, a key or anything of a program.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from functools import partial

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qruntime.api.parts import Parts
from qruntime.core.users import AuditEntry

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_logger = structlog.get_logger("qruntime.api")


class Metrics:
    """The figures that ``/metrics`` shows."""

    def __init__(self, job_counts: Callable[[], dict[str, int]]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "qruntime_http_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "qruntime_http_request_seconds",
            "Time from a request to its answer's first byte.",
            ("method", "route"),
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        jobs = Gauge(
            "qruntime_jobs_unfinished",
            "Jobs that have not ended, by status.",
            ("status",),
            registry=self.registry,
        )
        for status in ("QUEUED", "RUNNING"):
            jobs.labels(status).set_function(partial(_count_of, status, job_counts))


def _count_of(status: str, job_counts: Callable[[], dict[str, int]]) -> float:
    return job_counts().get(status, 0)


class Watched:
    """ASGI middleware: names, counts and logs each request; audits those that change something."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        started = time.perf_counter()
        status, first_byte = 500, started

        async def send_named(message: Message) -> None:
            nonlocal status, first_byte
            if message["type"] == "http.response.start":
                status, first_byte = message["status"], time.perf_counter()
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"]
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(method, route).observe(first_byte - started)
            user_id = state.get("user_id", "")
            _logger.info(
                "request",
                request_id=request_id,
                method=method,
                route=route,
                status=status,
                milliseconds=round((time.perf_counter() - started) * 1e3, 1),
                user=user_id,
            )
            if method not in _READS and user_id:
                parts: Parts = scope["app"].state.parts
                action = f"{method} {route}"
                entry = AuditEntry(parts.store.now(), user_id, action, _target(scope), str(status))
                parts.audit.add(entry)


def _target(scope: Scope) -> str:
    return ",".join(str(value) for value in scope.get("path_params", {}).values())
