# SPDX-License-Identifier: Apache-2.0
"""``/backends``: what there is to run on."""

from __future__ import annotations

from fastapi import APIRouter

from qruntime.api.parts import CallerDep, PartsDep
from qruntime.core.users import Scope
from qruntime.service.access import need
from qruntime.wire.schemas import BackendDocument

router = APIRouter(prefix="/backends", tags=["backends"])


@router.get("")
def list_backends(parts: PartsDep, caller: CallerDep) -> list[str]:
    """List the names of the backends."""
    need(caller, Scope.READ)
    return parts.backends.names()


@router.get("/{name}")
def get_backend(name: str, parts: PartsDep, caller: CallerDep) -> BackendDocument:
    """Get a backend's configuration, calibration, status and default options."""
    need(caller, Scope.READ)
    return BackendDocument(**parts.backends.describe(name))
