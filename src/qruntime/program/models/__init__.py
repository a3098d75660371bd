# SPDX-License-Identifier: Apache-2.0
"""What a device says about itself: its configuration, its properties and its status."""

from __future__ import annotations

from qruntime.program.models.configuration import (
    BackendConfiguration,
    QasmBackendConfiguration,
)
from qruntime.program.models.conversion import configuration_from, properties_from
from qruntime.program.models.exceptions import BackendConfigurationError, BackendPropertyError
from qruntime.program.models.gates import GateConfig
from qruntime.program.models.properties import BackendProperties, GateProperties, Nduv
from qruntime.program.models.pulse import Command, PulseBackendConfiguration, UchannelLO
from qruntime.program.models.status import BackendStatus

__all__ = [
    "BackendConfiguration",
    "BackendConfigurationError",
    "BackendProperties",
    "BackendPropertyError",
    "BackendStatus",
    "Command",
    "GateConfig",
    "GateProperties",
    "Nduv",
    "PulseBackendConfiguration",
    "QasmBackendConfiguration",
    "UchannelLO",
    "configuration_from",
    "properties_from",
]
