# SPDX-License-Identifier: Apache-2.0
"""Leaves a line of its own in a file each time that it runs."""

from __future__ import annotations

import os


def main(backend, user_messenger, *, number, tally):
    """Append the number to the file in one write, which no other can come between."""
    descriptor = os.open(tally, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"%d\n" % number)
    os.close(descriptor)
    return number
