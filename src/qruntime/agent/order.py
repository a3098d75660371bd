# SPDX-License-Identifier: Apache-2.0
"""The order to start one worker, as it passes from the agent to the process that waits for it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from qruntime.agent.limits import Limits

_LONGEST = 1 << 16
_MOST_DESCRIPTORS = 4


@dataclass(frozen=True, slots=True)
class Order:
    """How a worker is to run. ``scratch`` is its folder, which goes when it ends.

    ``references`` is the folder from which names of backends such as ``FILE.py:CLASS`` are read;
    without it such names are refused.
    """

    limits: Limits
    scratch: str
    references: str | None


def send_order(connection: socket.socket, order: Order, descriptors: Sequence[int]) -> None:
    """Pass an order on, with the descriptors that belong to it."""
    socket.send_fds(connection, [json.dumps(asdict(order)).encode()], descriptors)


def receive_order(connection: socket.socket) -> tuple[Order, list[int]] | None:
    """Wait for an order; None if nobody is left who could send one."""
    text, descriptors, _, _ = socket.recv_fds(connection, _LONGEST, _MOST_DESCRIPTORS)
    if not text:
        return None
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    held = json.loads(text)
    return Order(**{**held, "limits": Limits(**held["limits"])}), descriptors
