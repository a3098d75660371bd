# SPDX-License-Identifier: Apache-2.0
"""The composition root: the only place that names concrete parts.

What is heavy is imported inside the functions: the command line starts a worker's process here
before it loads Qiskit itself.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qruntime.errors import InvalidInputError, QRuntimeError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from qruntime.agent.limits import Limits
    from qruntime.api.parts import ApiLimits
    from qruntime.backends.registry import Catalog
    from qruntime.config import Settings
    from qruntime.engine.broker.broker import Broker
    from qruntime.engine.dispatch import EngineSettings
    from qruntime.engine.housekeeping import Housekeeping
    from qruntime.engine.launchers import Launcher
    from qruntime.engine.loop import Engine
    from qruntime.engine.runtime import LocalRuntime
    from qruntime.program.backend import ProgramBackend
    from qruntime.service.access import Caller
    from qruntime.service.backends import Backends
    from qruntime.store.base import Store

ISOLATIONS = ("inline", "process")
_BACKEND_OF_MOST = "aer_simulator"


def launcher(isolation: str) -> Launcher:
    """Return what starts workers: ``inline`` in threads, ``process`` each in a process of its own.

    Raises:
        InvalidInputError: there is no such isolation.
    """
    if isolation == "inline":
        from qruntime.engine.launchers.inline import InlineLauncher

        return InlineLauncher()
    if isolation == "process":
        from qruntime.agent.agent import NodeAgent
        from qruntime.engine.launchers.agent import AgentLauncher
        from qruntime.environments.environments import Environments, own_folder

        return AgentLauncher(
            NodeAgent(
                references=Path.cwd(), preload_after=2, environments=Environments(own_folder())
            )
        )
    raise InvalidInputError(f"no isolation '{isolation}'; there are: {', '.join(ISOLATIONS)}")


def local(
    starter: Launcher, *, slots: int = 4, backends: Mapping[str, Any] | None = None
) -> LocalRuntime:
    """Return a runtime in this process.

    ``slots`` is how many programs run at once. ``backends`` are objects, classes or functions by
    name, besides the installed ones.

    Raises:
        InvalidInputError: the programs run in other processes, which do not have ``backends``.
    """
    if backends and not starter.in_process:
        raise InvalidInputError(
            "backends of your own do not leave this process: use isolation='inline', or name them "
            "as 'FILE.py:CLASS' or 'MODULE:CLASS'"
        )
    from qruntime.backends.registry import from_reference, installed
    from qruntime.engine.runtime import LocalRuntime
    from qruntime.environments.environments import Environments, own_folder
    from qruntime.environments.installed import use_what_is_here
    from qruntime.store.memory import MemoryStore

    registry = installed()
    registry.resolve = from_reference
    registry.catalogs[:0] = [_own(name, made) for name, made in (backends or {}).items()]
    resolve = use_what_is_here if starter.in_process else Environments(own_folder()).resolve
    return LocalRuntime(MemoryStore(), registry, starter, slots=slots, resolve=resolve)


@dataclass(slots=True)
class Server:
    """The parts of a server in one process. ``admin_key`` is that of a first start."""

    app: FastAPI
    store: Store
    engine: Engine
    broker: Broker
    settings: Settings
    admin_key: str | None
    housekeeping: Housekeeping | None

    def close(self) -> None:
        """Claim no more jobs, wait for those that run, hand back the others, close the store."""
        self.engine.close(drain_seconds=self.settings.drain_seconds)
        self.broker.close()
        if self.housekeeping is not None:
            self.housekeeping.close()
        try:
            self.app.state.parts.audit.flush()
        finally:
            self.store.close()


def server(settings: Settings) -> Server:
    """Return the parts of a server, its engine at work.

    Raises:
        InvalidInputError: a setting is wrong.
        StoreError: the database or the object store cannot be opened.
    """
    from qruntime.agent.agent import NodeAgent
    from qruntime.engine.housekeeping import Housekeeping
    from qruntime.engine.launchers.agent import AgentLauncher
    from qruntime.environments.environments import Environments

    environments = Environments(settings.environments)
    # It warms up while the rest is made: at first with no more than the first job needs.
    agent = NodeAgent(environments=environments, preload_after=1)
    from qruntime.api.app import create_app
    from qruntime.api.parts import Parts
    from qruntime.backends.registry import installed
    from qruntime.engine.broker.broker import Broker
    from qruntime.engine.broker.devices import installed_devices
    from qruntime.engine.loop import Engine
    from qruntime.engine.orders import StoredOrders
    from qruntime.engine.trial import Trial
    from qruntime.service.backends import Backends
    from qruntime.service.users import first_admin
    from qruntime.store.sql import open_store

    store = open_store(settings.database, settings.blobs)
    admin_key = first_admin(store)
    starter = AgentLauncher(agent, grace_seconds=settings.grace_seconds, limits=_limits(settings))
    broker = Broker(store, installed_devices())
    registry = installed()
    registry.catalogs.insert(0, broker.catalog())
    engine = Engine(
        store,
        starter,
        StoredOrders(store, longest_seconds=settings.max_job_seconds, describe=broker.describe),
        slots=settings.workers,
        settings=_engine_settings(settings),
        broker=broker,
    )
    backends = Backends(registry)
    threading.Thread(target=_make_default, args=(backends,), daemon=True).start()
    parts = Parts(
        store,
        backends,
        limits=_api_limits(settings),
        positions=engine.positions,
        token_caller=_token_caller(settings, store),
        try_import=Trial(starter),
        resolve=environments.resolve,
    )
    days = settings.retention_days
    return Server(
        create_app(parts),
        store,
        engine,
        broker,
        settings,
        admin_key,
        None if days is None else Housekeeping(store, days),
    )


def _make_default(backends: Backends) -> None:
    """Make the backend of most jobs, which takes a second: the first submission finds it made."""
    with contextlib.suppress(QRuntimeError):
        backends.find(_BACKEND_OF_MOST)


def _limits(settings: Settings) -> Limits:
    from qruntime.agent.limits import MIB, Limits

    def in_bytes(size: int | None) -> int | None:
        return None if size is None else size * MIB

    return Limits(
        memory_bytes=in_bytes(settings.memory_mb),
        cpu_seconds=settings.cpu_seconds,
        processes=settings.processes,
        file_bytes=in_bytes(settings.file_mb),
        output_bytes=in_bytes(settings.output_mb),
        threads=settings.threads,
    )


def _engine_settings(settings: Settings) -> EngineSettings:
    from qruntime.engine.dispatch import EngineSettings
    from qruntime.engine.policy import Rules

    return EngineSettings(
        lease_seconds=settings.lease_seconds,
        exclusive=settings.own_database,
        rules=Rules(running_per_user=settings.running_jobs_per_user),
    )


def _api_limits(settings: Settings) -> ApiLimits:
    from qruntime.api.parts import ApiLimits

    return ApiLimits(
        body_bytes=settings.body_mb * 2**20,
        requests_a_minute=settings.requests_a_minute,
        queued_jobs=settings.queued_jobs_per_user,
    )


def _token_caller(settings: Settings, store: Store) -> Callable[[str], Caller | None]:
    given = (settings.oidc_issuer, settings.oidc_audience, settings.oidc_keys)
    if not any(given):
        return lambda _token: None
    issuer, audience, keys = given
    if issuer is None or audience is None or keys is None:
        raise InvalidInputError(
            "tokens of an identity provider need all of: oidc_issuer, oidc_audience, oidc_keys"
        )
    from qruntime.api.tokens import OidcTokens

    return OidcTokens(
        store,
        issuer=issuer,
        audience=audience,
        keys=keys,
        user_claim=settings.oidc_user_claim,
        create_users=settings.oidc_create_users,
    ).caller


def _own(name: str, made: Any) -> Catalog:
    from qiskit.providers import BackendV2

    from qruntime.backends.registry import Catalog, as_backend, made_by, with_own_options

    def create(_name: str) -> ProgramBackend:
        if isinstance(made, BackendV2):
            return with_own_options(as_backend(made, f"backend '{name}'"))
        return made_by(made, f"backend '{name}'")

    return Catalog(names=lambda: (name,), create=create, prefix=name)
