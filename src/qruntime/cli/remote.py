# SPDX-License-Identifier: Apache-2.0
"""What the commands that speak to a server share: which server, and how lists are printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from qruntime.client.http import HttpConnection

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="QRUNTIME_URL",
        help="The server; by default the one of the last `qruntime login`.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines.")]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]


def connect(url: str | None) -> HttpConnection:
    """Return a connection to a server, with the key that is known for it.

    Raises:
        InvalidInputError: no key is known.
    """
    from qruntime.client.accounts import find_account
    from qruntime.client.http import HttpConnection
    from qruntime.client.request import Requests

    account = find_account(url)
    return HttpConnection(Requests(account.url, account.token, verify=account.verify))


def show_rows(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str
) -> None:
    """Print a table for people, plain columns for a pipe, or each row whole as a JSON line."""
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, default=str))
        return
    found = [[_cell(_dig(row, column)) for column in columns] for row in rows]
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not found:
        typer.echo(empty, err=True)
    elif console.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column.rpartition(".")[2].replace("_", " "))
        for cells in found:
            table.add_row(*cells)
        console.print(table)
    else:
        for cells in found:
            typer.echo("\t".join(cells))


def show_one(row: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing, a line a field, or as JSON."""
    if as_json:
        typer.echo(json.dumps(row, default=str))
        return
    for key, value in row.items():
        if value not in (None, "", [], {}):
            typer.echo(f"{key.replace('_', ' ')}: {_cell(value)}")


def _dig(row: Mapping[str, Any], column: str) -> Any:
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping | list):
        return json.dumps(value, default=str)
    text = str(value)
    return text[:19].replace("T", " ") if _is_time(text) else text


def _is_time(text: str) -> bool:
    return len(text) > 19 and text[4:5] == "-" and text[10:11] == "T" and text[13:14] == ":"
