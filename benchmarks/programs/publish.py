# SPDX-License-Identifier: Apache-2.0
"""Publishes numbered interim results as fast as it can."""

from __future__ import annotations


def main(backend, user_messenger, *, number):
    """Publish 0, 1, 2... with some text, and return how many there were."""
    for step in range(number):
        user_messenger.publish({"step": step, "text": "x" * 40})
    return number
