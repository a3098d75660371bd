# SPDX-License-Identifier: Apache-2.0
"""The status of a device."""

from __future__ import annotations

import copy
import pickle

import pytest
from qiskit.exceptions import QiskitError

from qruntime.program.models import BackendStatus

STATUS = BackendStatus("device", "1.0", True, 3, "active")


def test_a_status_gives_its_data() -> None:
    assert STATUS.to_dict() == {
        "backend_name": "device",
        "backend_version": "1.0",
        "operational": True,
        "pending_jobs": 3,
        "status_msg": "active",
    }


def test_a_status_survives_its_dictionary() -> None:
    assert BackendStatus.from_dict(STATUS.to_dict()) == STATUS


def test_statuses_with_other_data_differ() -> None:
    assert BackendStatus("device", "1.0", True, 4, "active") != STATUS
    assert STATUS.to_dict() != STATUS


def test_a_copy_is_equal() -> None:
    assert copy.deepcopy(STATUS) == STATUS
    assert pickle.loads(pickle.dumps(STATUS)) == STATUS


def test_a_negative_queue_is_refused() -> None:
    with pytest.raises(QiskitError, match="Pending jobs must be >=0"):
        BackendStatus("device", "1.0", True, -1, "active")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        BackendStatus.from_dict({**STATUS.to_dict(), "colour": "red"})
