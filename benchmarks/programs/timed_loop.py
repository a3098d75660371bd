# SPDX-License-Identifier: Apache-2.0
"""A hybrid loop that says how long an iteration took: compile once, new angles each time."""

from __future__ import annotations

from time import perf_counter

import numpy as np

_WARM_UP = 20


def main(backend, user_messenger, *, circuit, shots, seconds, seed):
    """Iterate for some seconds; return the seconds of one iteration."""
    template = backend.compile(circuit)
    generator = np.random.default_rng(seed)
    width = len(template.parameters)

    def iteration():
        values = generator.uniform(-3.0, 3.0, width)
        return template.run(values, shots=shots).result().get_counts()

    for _ in range(_WARM_UP):
        iteration()
    begin, number = perf_counter(), 0
    while perf_counter() - begin < seconds:
        iteration()
        number += 1
    return (perf_counter() - begin) / number
