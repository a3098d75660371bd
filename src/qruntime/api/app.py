# SPDX-License-Identifier: Apache-2.0
"""``create_app``: the whole HTTP API of a server."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from qruntime._version import __version__
from qruntime.api import errors
from qruntime.api.body_limit import BodyLimit
from qruntime.api.parts import CallerDep, Parts, PartsDep
from qruntime.api.routes import backends, jobs, programs, sessions, users
from qruntime.api.telemetry import Metrics, Watched
from qruntime.service.access import need_admin

_DESCRIPTION = """\
Upload a runtime program once, run it next to a quantum backend, follow its jobs.

Errors are problem documents (RFC 9457); `code` is stable. Lists are cut into pages by `limit` and
`after`. Everything but `/health` and `/ready` needs a key: `Authorization: Bearer KEY`.
"""


def create_app(parts: Parts) -> FastAPI:
    """Return the API of a server, over its parts."""
    app = FastAPI(
        title="qruntime",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    metrics = Metrics(lambda: _job_counts(app.state.parts))
    app.state.metrics = metrics
    api = APIRouter(prefix="/api/v1", responses=errors.RESPONSES)
    for noun in (programs, jobs, sessions, backends, users):
        api.include_router(noun.router)
    app.include_router(api)
    app.include_router(_about_the_server())
    errors.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Watched, metrics=metrics)
    return app


def _about_the_server() -> APIRouter:
    router = APIRouter(tags=["server"])

    @router.get("/health")
    def health() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok", "version": __version__}

    @router.get("/ready", responses={503: errors.RESPONSES[503]})
    def ready(parts: PartsDep) -> dict[str, str]:
        """Say that the store can be written: jobs are taken."""
        parts.store.check()
        return {"status": "ready"}

    @router.get("/metrics", response_class=Response, responses=errors.RESPONSES)
    def metrics(request: Request, caller: CallerDep) -> Response:
        """Get the figures of the server in Prometheus' format; for administrators."""
        need_admin(caller)
        text = generate_latest(request.app.state.metrics.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


def _job_counts(parts: Parts) -> dict[str, int]:
    return dict(Counter(job.status.value for job in parts.store.unfinished()))
