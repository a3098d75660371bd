# SPDX-License-Identifier: Apache-2.0
"""Keeps a slot busy until a file is there, so that others queue behind it."""

from __future__ import annotations

import time
from pathlib import Path


def main(backend, user_messenger, *, go):
    """Wait for the file."""
    user_messenger.publish("waiting")
    while not Path(go).exists():
        time.sleep(0.02)
