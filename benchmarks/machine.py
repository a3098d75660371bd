# SPDX-License-Identifier: Apache-2.0
"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path
from typing import Any

_PACKAGES = (
    "qruntime",
    "qiskit",
    "qiskit-aer",
    "numpy",
    "numba",
    "qulacs",
    "pennylane",
    "pennylane-lightning",
    "qsimcirq",
)


def describe(packages: tuple[str, ...] = _PACKAGES) -> dict[str, Any]:
    """Return the processor, the system, the versions, and how busy the machine was."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in packages},
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        if package != "qruntime":
            return "not installed"
        import qruntime

        return qruntime.__version__


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
