# SPDX-License-Identifier: Apache-2.0
"""``qruntime login`` and ``logout``: keep the key of a server."""

from __future__ import annotations

from typing import Annotated

import typer

from qruntime.errors import InvalidInputError


def login(
    url: Annotated[str, typer.Argument(help="The server, such as http://127.0.0.1:8000")],
    *,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="QRUNTIME_TOKEN", help="The key; without it you are asked, which shows nothing."
        ),
    ] = None,
    cacert: Annotated[
        str | None, typer.Option(help="A file of certificates to trust besides the system's.")
    ] = None,
) -> None:
    """Try a key of a server and keep it, in a file that only you can read."""
    from qruntime.client.accounts import Account, save_account
    from qruntime.client.http import HttpConnection
    from qruntime.client.request import Requests

    key = token or typer.prompt("key", hide_input=True)
    verify: bool | str = cacert or True
    requests = Requests(url, key, verify=verify, patience_seconds=0)
    me = HttpConnection(requests).call("GET", "/me")
    path = save_account(Account(requests.url, key, verify))
    typer.echo(f"signed in as {me['user_id']} ({me['role']}); the key is kept in {path}")


def logout(
    url: Annotated[str | None, typer.Argument(help="The server; by default the last one.")] = None,
) -> None:
    """Forget the key of a server."""
    from qruntime.client.accounts import delete_account, list_accounts

    held = list_accounts()
    wanted = url.rstrip("/") if url else (held[0].url if held else None)
    if wanted is None or not delete_account(wanted):
        known = ", ".join(account.url for account in held) or "none"
        raise InvalidInputError(f"no key is kept for {wanted or 'any server'}; kept: {known}")
    typer.echo(f"forgot the key of {wanted}")
