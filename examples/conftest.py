# SPDX-License-Identifier: Apache-2.0
"""What the examples' tests share: a runtime in this process."""

from __future__ import annotations

import pytest

from qruntime import RuntimeService


@pytest.fixture
def service():
    with RuntimeService() as started:
        yield started
