# SPDX-License-Identifier: Apache-2.0
"""A hybrid loop that counts its iterations in windows of time, which several workers share."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np


def main(backend, user_messenger, *, circuit, shots, go, windows, seconds, only_odd):
    """Wait for the file ``go``, which says when to start; return the iterations of each window."""
    template = backend.compile(circuit)
    generator = np.random.default_rng()
    width = len(template.parameters)

    def iteration():
        values = generator.uniform(-3.0, 3.0, width)
        return template.run(values, shots=shots).result().get_counts()

    iteration()
    user_messenger.publish("ready")
    while not Path(go).exists():
        time.sleep(0.01)
    start = float(Path(go).read_text())
    done = []
    for window in range(windows):
        begin, end, number = start + window * seconds, start + (window + 1) * seconds, 0
        time.sleep(max(0.0, begin - time.time()))
        while time.time() < end and not (only_odd and window % 2 == 0):
            iteration()
            number += 1
        done.append(number)
    return done
