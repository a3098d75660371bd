# SPDX-License-Identifier: Apache-2.0
"""``qruntime programs``: those of a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qruntime.cli.remote import AsJson, Limit, Url, connect, show_one, show_rows

if TYPE_CHECKING:
    from qruntime.client.service import RuntimeService

app = typer.Typer(help="Programs on a server.", no_args_is_help=True)

_COLUMNS = ("program_id", "current.number", "owner", "public", "updated")
ProgramId = Annotated[str, typer.Argument(help="The program's id.")]
Public = Annotated[
    bool | None, typer.Option("--public/--private", help="Who may run it: everybody, or you.")
]
Metadata = Annotated[
    Path | None, typer.Option(help="The program's metadata; else the file beside the program.")
]


@app.command("ls")
def list_programs(
    *, search: str = "", limit: Limit = 100, json: AsJson = False, url: Url = None
) -> None:
    """List the programs that you may run."""
    params = {"search": search, "limit": min(limit, 200)}
    rows = connect(url).call("GET", "/programs", params=params)
    show_rows(rows, _COLUMNS, as_json=json, empty="no programs")


@app.command()
def show(program_id: ProgramId, *, json: AsJson = False, url: Url = None) -> None:
    """Show a program."""
    from qruntime.client.request import part

    show_one(connect(url).call("GET", f"/programs/{part(program_id)}"), as_json=json)


@app.command()
def upload(
    program: Annotated[Path, typer.Argument(help="A Python file, a folder, or a zip file.")],
    *,
    metadata: Metadata = None,
    public: Public = False,
    url: Url = None,
) -> None:
    """Upload a program and print its id."""
    typer.echo(_service(url).upload_program(program, metadata, public=bool(public)))


@app.command()
def update(
    program_id: ProgramId,
    program: Annotated[Path | None, typer.Argument(help="The new source.")] = None,
    *,
    metadata: Metadata = None,
    public: Public = None,
    url: Url = None,
) -> None:
    """Make a new version of a program; jobs that exist keep the one they have."""
    _service(url).update_program(program_id, program, metadata, public=public)


@app.command()
def source(program_id: ProgramId, *, version: str = "latest", url: Url = None) -> None:
    """Print the entry point of a program, or of one of its versions."""
    from qruntime.client.request import part
    from qruntime.wire.schemas import VersionDocument

    path = f"/programs/{part(program_id)}/versions/{part(version)}"
    found = VersionDocument.model_validate(connect(url).call("GET", path)).to_core().source
    assert found is not None
    typer.echo(found.files[found.entry_point].decode(errors="replace"), nl=False)


@app.command()
def versions(program_id: ProgramId, *, json: AsJson = False, url: Url = None) -> None:
    """List the versions of a program, the newest first."""
    from qruntime.client.request import part

    rows = connect(url).call("GET", f"/programs/{part(program_id)}/versions")
    show_rows(rows, ("number", "version", "created"), as_json=json, empty="no versions")


@app.command()
def rollback(program_id: ProgramId, version: str, *, url: Url = None) -> None:
    """Make an earlier version the current one: a tag, a number, or a digest."""
    from qruntime.client.request import part

    path = f"/programs/{part(program_id)}/rollback"
    found = connect(url).call("POST", path, json={"version": version})
    typer.echo(f"version {found['current']['number']} is the current one")


@app.command()
def tag(
    program_id: ProgramId,
    name: Annotated[str, typer.Argument(help="The tag.")],
    version: Annotated[str, typer.Argument(help="latest, a tag, a number, a digest.")] = "latest",
    *,
    delete: Annotated[bool, typer.Option("--delete", help="Take the tag away.")] = False,
    url: Url = None,
) -> None:
    """Let a tag name a version of a program."""
    from qruntime.client.request import part

    path = f"/programs/{part(program_id)}/tags/{part(name)}"
    if delete:
        connect(url).call("DELETE", path)
    else:
        connect(url).call("PUT", path, json={"version": version})


@app.command("rm")
def delete_program(program_id: ProgramId, *, url: Url = None) -> None:
    """Delete a program; its jobs stay."""
    connect(url).delete_program(program_id)


def _service(url: str | None) -> RuntimeService:
    from qruntime.client.service import RuntimeService

    return RuntimeService(connection=connect(url))
