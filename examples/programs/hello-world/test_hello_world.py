# SPDX-License-Identifier: Apache-2.0
"""Hello, world, against what a Bell pair must give."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def test_a_bell_pair_gives_equal_bits_half_zeros_and_half_ones(service):
    program_id = service.upload_program(FOLDER)
    result = service.run(program_id, {"iterations": 4, "shots": 1000, "seed": 1}).result()

    counts = result["counts"]
    assert set(counts) == {"00", "11"}
    # 5 standard deviations of a fair coin: a false alarm in 1.7 million seeds.
    assert counts["00"] == pytest.approx(2000, abs=5 * (4000 * 0.25) ** 0.5)


def test_the_interim_results_add_up_to_the_result(service):
    program_id = service.upload_program(FOLDER)
    job = service.run(program_id, {"name": "you", "iterations": 3, "shots": 100, "seed": 1})
    result = job.result()

    published = job.interim_results()
    assert result["greeting"] == "Hello, you!"
    assert [one["iteration"] for one in published] == [1, 2, 3]
    assert sum((Counter(one["counts"]) for one in published), Counter()) == result["counts"]


def test_without_shots_the_backends_own_setting_holds(service):
    program_id = service.upload_program(FOLDER)
    options = {"backend_options": {"shots": 37}}
    result = service.run(program_id, {"iterations": 1}, options).result()

    assert sum(result["counts"].values()) == 37
