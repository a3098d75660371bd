# SPDX-License-Identifier: Apache-2.0
"""``qruntime serve``: a runtime for many users, in one process with a database of its own."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qruntime.errors import InvalidInputError, MissingDependencyError

if TYPE_CHECKING:
    from qruntime.bootstrap import Server
    from qruntime.config import Settings

_STREAM_SECONDS = 3
"""How long open streams may go on when the server stops; clients reconnect by themselves."""


def serve(  # noqa: PLR0913  a parameter is an option of the command
    *,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept.", show_default=False)
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="The address to listen at. [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 takes a free one. [default: 8000]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="How many jobs run at once. [default: one a processor]")
    ] = None,
    isolation: Annotated[
        str | None, typer.Option(help="What keeps programs apart. [default: process]")
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="postgresql://...; by default SQLite in the data folder.")
    ] = None,
    object_store: Annotated[
        str | None, typer.Option(help="s3://...; by default a folder in the data folder.")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="Serve https with this certificate chain (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
) -> None:
    """Start a server. The first start prints the key of its administrator, once.

    Every option is also a variable: QRUNTIME_DATA_DIR, QRUNTIME_PORT... Stop it with Ctrl-C.
    """
    try:
        from qruntime.config import read_settings
    except ImportError as error:
        raise MissingDependencyError(
            f"a server needs more packages ({error.name}): pip install 'qruntime[server]'"
        ) from error
    settings = read_settings(
        data_dir=data_dir,
        host=host,
        port=port,
        workers=workers,
        isolation=isolation,
        database_url=database_url,
        object_store=object_store,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
    )
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise InvalidInputError("https needs both: --tls-certificate and --tls-key")
    with _data_folder(settings.data_dir):
        _serve(settings)


@contextmanager
def _data_folder(folder: Path) -> Iterator[None]:
    """Make the folder, readable by its owner alone, and keep other servers out of it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InvalidInputError(
            f"the data folder '{folder}' cannot be used: {error.strerror or error}"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidInputError(
                f"another server is using '{folder}': stop it, or choose another --data-dir"
            ) from error
        yield
    finally:
        os.close(descriptor)


def _serve(settings: Settings) -> None:
    from qruntime.bootstrap import server

    _log(settings.log_format)
    made = server(settings)
    try:
        listener = _listen(settings)
        with listener:
            _say_hello(settings, made, listener.getsockname()[1])
            _run(settings, made, listener)
    finally:
        made.close()


def _listen(settings: Settings) -> Any:
    import socket

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except OSError as error:
        raise InvalidInputError(
            f"cannot listen at {settings.host}:{settings.port}: {error.strerror or error}"
        ) from error


def _say_hello(settings: Settings, made: Server, port: int) -> None:
    scheme = "http" if settings.tls_certificate is None else "https"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"{scheme}://{host}:{port}"
    typer.echo(f"qruntime serves {url}")
    if made.admin_key is not None:
        kept = _keep_key(settings.data_dir, made.admin_key)
        typer.echo(f"admin key: {made.admin_key}")
        typer.echo(f"It is kept in {kept} and shown this once. Sign in: qruntime login {url}")
    if settings.isolation == "process":
        typer.echo(
            "isolation 'process': programs run with the rights of this process's user. Let in only "
            "people whom you trust.",
            err=True,
        )


def _keep_key(folder: Path, key: str) -> Path:
    path = folder / "admin.key"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    return path


def _run(settings: Settings, made: Server, listener: Any) -> None:
    import uvicorn

    config = uvicorn.Config(
        made.app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_STREAM_SECONDS,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        proxy_headers=False,
        server_header=False,
    )
    with _stopped_by_signals():
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGINT stop uvicorn, which raises them once more after that, and no more."""
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _log(form: str) -> None:
    """Write the log to standard error, a line an event."""
    import structlog

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=last)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("qruntime").setLevel(logging.INFO)
