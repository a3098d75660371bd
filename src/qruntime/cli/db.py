# SPDX-License-Identifier: Apache-2.0
"""``qruntime db``: the database of a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The database of a server.", no_args_is_help=True)

DataDir = Annotated[Path | None, typer.Option(help="The server's data folder.")]
DatabaseUrl = Annotated[str | None, typer.Option(help="The URL that the server is given.")]


@app.command()
def current(*, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Print the revision of the database."""
    from qruntime.config import read_settings
    from qruntime.store import sql

    settings = read_settings(data_dir=data_dir, database_url=database_url)
    typer.echo(sql.current(settings.database) or "empty")


@app.command()
def upgrade(*, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database to this version, as `qruntime serve` does when it starts."""
    from qruntime.config import read_settings
    from qruntime.store import sql

    settings = read_settings(data_dir=data_dir, database_url=database_url)
    sql.upgrade(settings.database)
    typer.echo(sql.current(settings.database))
