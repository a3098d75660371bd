# SPDX-License-Identifier: Apache-2.0
"""``qruntime users``, ``keys`` and ``sessions``: who may do what on a server, and reservations."""

from __future__ import annotations

from typing import Annotated

import typer

from qruntime.cli.remote import AsJson, Url, connect, show_rows

users = typer.Typer(help="Users of a server; for administrators.", no_args_is_help=True)
keys = typer.Typer(help="Keys of a server.", no_args_is_help=True)
sessions = typer.Typer(help="Sessions on a server.", no_args_is_help=True)

_USER_COLUMNS = ("user_id", "role", "weight", "disabled", "created")
_KEY_COLUMNS = ("key_id", "user_id", "name", "prefix", "scopes", "expires", "revoked")
_SESSION_COLUMNS = ("session_id", "backend_name", "mode", "accepting", "created", "closed")
UserId = Annotated[str, typer.Argument(help="The user's id.")]
Role = Annotated[str, typer.Option(help="admin, user or reader.")]


@users.command("ls")
def list_users(*, json: AsJson = False, url: Url = None) -> None:
    """List all users."""
    rows = connect(url).call("GET", "/users")
    show_rows(rows, _USER_COLUMNS, as_json=json, empty="no users")


@users.command("create")
def create_user(
    user_id: UserId,
    *,
    role: Role = "user",
    weight: Annotated[float, typer.Option(help="The share of the workers.")] = 1.0,
    url: Url = None,
) -> None:
    """Let somebody in and print a key for him, this once."""
    connection = connect(url)
    body = {"user_id": user_id, "role": role, "weight": weight}
    connection.call("POST", "/users", json=body)
    made = connection.call("POST", "/keys", json={"user_id": user_id, "name": "first"})
    typer.echo(made["key"])


@users.command("change")
def change_user(
    user_id: UserId,
    *,
    role: Annotated[str | None, typer.Option(help="admin, user or reader.")] = None,
    weight: Annotated[float | None, typer.Option(help="The share of the workers.")] = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Whether his keys open anything.")
    ] = None,
    url: Url = None,
) -> None:
    """Change what a user may do."""
    from qruntime.client.request import part

    asked = {"role": role, "weight": weight, "disabled": disabled}
    body = {key: value for key, value in asked.items() if value is not None}
    connect(url).call("PATCH", f"/users/{part(user_id)}", json=body)


@keys.command("ls")
def list_keys(*, json: AsJson = False, url: Url = None) -> None:
    """List your keys; an administrator gets everybody's."""
    show_rows(connect(url).call("GET", "/keys"), _KEY_COLUMNS, as_json=json, empty="no keys")


@keys.command("create")
def create_key(
    *,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    user: Annotated[str | None, typer.Option(help="Whose; yours by default.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, run, programs, admin; may be repeated; all by default."),
    ] = None,
    days: Annotated[float | None, typer.Option(min=0.001, help="How long it lives.")] = None,
    url: Url = None,
) -> None:
    """Make a key and print it, this once."""
    lifetime = None if days is None else days * 86400
    body = {"user_id": user, "name": name, "scopes": scope or None, "lifetime_seconds": lifetime}
    typer.echo(connect(url).call("POST", "/keys", json=body)["key"])


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="From `qruntime keys ls`.")], *, url: Url = None
) -> None:
    """Let a key open nothing any more."""
    from qruntime.client.request import part

    connect(url).call("DELETE", f"/keys/{part(key_id)}")


@sessions.command("ls")
def list_sessions(*, json: AsJson = False, url: Url = None) -> None:
    """List your sessions, the newest first."""
    rows = connect(url).call("GET", "/sessions")
    show_rows(rows, _SESSION_COLUMNS, as_json=json, empty="no sessions")


@sessions.command("close")
def close_session(
    session_id: Annotated[str, typer.Argument(help="The session's id.")],
    *,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel its queued jobs too.")] = False,
    url: Url = None,
) -> None:
    """Take no more jobs into a session."""
    from qruntime.client.request import part

    verb = "cancel" if cancel else "close"
    connect(url).call("POST", f"/sessions/{part(session_id)}/{verb}")
