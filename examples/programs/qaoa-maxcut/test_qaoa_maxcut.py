# SPDX-License-Identifier: Apache-2.0
"""QAOA against brute force, and against the exact state of its circuit."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent
INPUTS = json.loads((FOLDER / "inputs.json").read_text())
EDGES, LAYERS, SHOTS = INPUTS["edges"], INPUTS["layers"], INPUTS["shots"]
NODES = 1 + max(node for a, b, _ in EDGES for node in (a, b))
CUTS = np.array(
    [sum(w for a, b, w in EDGES if bits[a] != bits[b]) for bits in product("01", repeat=NODES)]
)


def exact_probabilities(parameters):
    """Return those of every partition, in the order of ``CUTS``, from the definition of QAOA."""
    state = np.full(2**NODES, 2 ** (-NODES / 2), dtype=complex)
    for beta, gamma in zip(parameters[:LAYERS], parameters[LAYERS:], strict=True):
        state = (np.exp(-1j * gamma * CUTS) * state).reshape([2] * NODES)
        mixer = np.array([[np.cos(beta), -1j * np.sin(beta)], [-1j * np.sin(beta), np.cos(beta)]])
        for node in range(NODES):
            state = np.moveaxis(np.tensordot(mixer, state, (1, node)), 0, node)
        state = state.reshape(-1)
    return np.abs(state) ** 2


@pytest.fixture
def job(service):
    return service.run(service.upload_program(FOLDER), INPUTS)


def test_the_best_cut_is_that_of_brute_force(job):
    best = job.result()["best_cut"]

    assert best["weight"] == CUTS.max()
    assert CUTS[int(best["partition"], 2)] == CUTS.max()


def test_the_expected_cut_is_that_of_the_exact_state(job):
    result = job.result()

    probabilities = exact_probabilities(result["parameters"])
    mean = probabilities @ CUTS
    deviation = np.sqrt((probabilities @ CUTS**2 - mean**2) / SHOTS)
    # 5 standard deviations of the mean: a false alarm in 1.7 million seeds.
    assert abs(result["expected_cut"] - mean) <= 5 * deviation
    shares = sum(share * CUTS[int(bits, 2)] for bits, share in result["distribution"].items())
    assert result["expected_cut"] == pytest.approx(shares)


def test_the_angles_found_beat_the_start_and_random_guessing(job):
    mean = exact_probabilities(job.result()["parameters"]) @ CUTS
    start = exact_probabilities(job.interim_results()[0]["parameters"]) @ CUTS

    assert mean > start > CUTS.mean()
    assert mean > 0.85 * CUTS.max()


def test_every_evaluation_is_published(job):
    job.result()

    published = [one["iteration"] for one in job.interim_results()]
    assert published == list(range(1, len(published) + 1))
    assert 2 * LAYERS < len(published) <= INPUTS["evaluations"]
