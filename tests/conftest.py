# SPDX-License-Identifier: Apache-2.0
"""What every test shares: Hypothesis without randomness or deadlines, one thread for numerics."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

settings.register_profile(
    "qruntime",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("qruntime")
