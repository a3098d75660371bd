# SPDX-License-Identifier: Apache-2.0
"""``qruntime``: the command and its subcommands. Nothing heavy is imported for ``--help``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from qruntime._version import __version__
from qruntime.cli import admin, db, jobs, programs
from qruntime.cli.backends import backends
from qruntime.cli.doctor import doctor
from qruntime.cli.follow import BAD_INPUT, INTERRUPTED
from qruntime.cli.login import login, logout
from qruntime.cli.new import new
from qruntime.cli.run import run
from qruntime.cli.serve import serve
from qruntime.errors import QRuntimeError

app = typer.Typer(
    name="qruntime",
    help="The open quantum runtime: run programs next to a quantum backend.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(backends)
app.command()(new)
app.command()(serve)
app.command()(doctor)
app.command()(login)
app.command()(logout)
app.add_typer(programs.app, name="programs")
app.add_typer(jobs.app, name="jobs")
app.add_typer(admin.sessions, name="sessions")
app.add_typer(admin.users, name="users")
app.add_typer(admin.keys, name="keys")
app.add_typer(db.app, name="db")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"qruntime {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options that come before the subcommand."""
    del version


def main() -> None:
    """Run the command line; an error of ours is one message and exit code 2."""
    try:
        app()
    except QRuntimeError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
