# SPDX-License-Identifier: Apache-2.0
"""The smallest program: what a job costs that does nothing."""

from __future__ import annotations


def main(backend, user_messenger):
    """Return a greeting."""
    return "hello"
