# SPDX-License-Identifier: Apache-2.0
"""Saved keys of servers, in a file that its owner alone can read."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qruntime.errors import InvalidInputError

URL_VARIABLE = "QRUNTIME_URL"
TOKEN_VARIABLE = "QRUNTIME_TOKEN"  # noqa: S105  the variable's name
FILE_VARIABLE = "QRUNTIME_ACCOUNTS"


@dataclass(frozen=True, slots=True)
class Account:
    """A server and the key that opens it. ``verify`` is as in ``RuntimeService``."""

    url: str
    token: str
    verify: bool | str = True


def accounts_file() -> Path:
    """Return where accounts are kept: the user's configuration folder, or ``QRUNTIME_ACCOUNTS``."""
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "qruntime" / "accounts.json"


def save_account(account: Account) -> Path:
    """Keep an account, in place of the one of the same server; it becomes the default.

    Returns the file, which only its owner may read (mode 0600).
    """
    path = accounts_file()
    kept = [held for held in _read(path) if held["url"] != account.url]
    kept.insert(0, {"url": account.url, "token": account.token, "verify": account.verify})
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".accounts-")
    with os.fdopen(handle, "w") as file:  # mkstemp makes it 0600
        json.dump(kept, file, indent=2)
    Path(name).replace(path)
    return path


def delete_account(url: str) -> bool:
    """Forget the account of a server; return whether there was one."""
    path = accounts_file()
    held = _read(path)
    kept = [account for account in held if account["url"] != url]
    if len(kept) == len(held):
        return False
    path.write_text(json.dumps(kept, indent=2))
    return True


def list_accounts() -> list[Account]:
    """Return all accounts, the default one first."""
    return [Account(**held) for held in _read(accounts_file())]


def find_account(url: str | None = None) -> Account:
    """Return the account of a server, or the default one.

    Environment variables go before what is saved: ``QRUNTIME_URL`` and ``QRUNTIME_TOKEN``.

    Raises:
        InvalidInputError: none is known; the message says how to make one.
    """
    wanted = url or os.environ.get(URL_VARIABLE)
    token = os.environ.get(TOKEN_VARIABLE)
    if wanted is not None:
        wanted = wanted.rstrip("/")
        if token:
            return Account(wanted, token)
    for account in list_accounts():
        if wanted in (None, account.url):
            return account
    place = f" for {wanted}" if wanted else ""
    raise InvalidInputError(
        f"no key is known{place}: give token=..., set {TOKEN_VARIABLE}, or run `qruntime login`"
    )


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"the accounts in '{path}' cannot be read: {error}") from error
    return list(found)
