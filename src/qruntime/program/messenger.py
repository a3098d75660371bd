# SPDX-License-Identifier: Apache-2.0
"""``UserMessenger``: how a running program speaks to its user."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from qruntime.wire import RuntimeEncoder

Publish = Callable[[str, bool], None]


def _print(text: str, final: bool) -> None:
    print(f"{'result' if final else 'interim result'}: {text}")  # noqa: T201  a program outside a runtime


class UserMessenger:
    """Sends interim results, and the final one, to whoever started the program.

    ``send`` takes each message as encoded text and whether it is the final one. Without it the
    messages are printed, so that ``main(backend, UserMessenger())`` works in a plain script.
    """

    def __init__(self, send: Publish = _print) -> None:
        self._send = send

    def publish(
        self,
        message: Any,
        encoder: type[json.JSONEncoder] = RuntimeEncoder,
        final: bool = False,  # the signature of 2021
    ) -> None:
        """Send ``message`` as an interim result, or with ``final=True`` as the result of the job.

        ``encoder`` is the class of the JSON encoder for it.

        Raises:
            NotSerializableError: the message holds something that cannot travel.
        """
        self._send(json.dumps(message, cls=encoder), final)
