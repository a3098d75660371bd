# SPDX-License-Identifier: Apache-2.0
"""``qruntime backends``: what there is to run on."""

from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from qruntime.program.backend import ProgramBackend


def backends(
    name: Annotated[str | None, typer.Argument(help="Show this one in detail.")] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """List the backends that are installed here, or show one."""
    from qruntime.backends.registry import from_reference, installed

    registry = installed()
    registry.resolve = from_reference
    if name is not None:
        _show(registry.create(name), as_json=json)
        return
    for found in registry.names():
        typer.echo(json_module.dumps({"name": found}) if json else found)


def _show(backend: ProgramBackend, *, as_json: bool) -> None:
    facts = _facts(backend)
    if as_json:
        typer.echo(json_module.dumps(facts, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        for key, value in facts.items():
            typer.echo(f"{key.replace('_', ' ')}: {_cell(value)}")
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for key, value in facts.items():
        table.add_row(key.replace("_", " "), _cell(value))
    console.print(table)


def _facts(backend: ProgramBackend) -> dict[str, Any]:
    configuration = backend.configuration()
    coupling = getattr(configuration, "coupling_map", None)
    facts: dict[str, Any] = {
        "name": str(backend.name),
        "description": backend.description,
        "version": backend.backend_version,
        "qubits": backend.num_qubits,
        "simulator": bool(getattr(configuration, "simulator", False)),
        "max_shots": getattr(configuration, "max_shots", None),
        "max_circuits": backend.max_circuits,
        "couplings": "all to all" if not coupling else len(coupling),
        "instructions": sorted(backend.operation_names),
        **_calibration(backend),
        "options": {
            option: _plain(value) for option, value in backend.options.items() if value is not None
        },
    }
    return {key: value for key, value in facts.items() if value is not None}


def _calibration(backend: ProgramBackend) -> dict[str, Any]:
    from statistics import median

    from qruntime.program.models import BackendPropertyError

    properties = backend.properties()
    if properties is None:
        return {}
    facts: dict[str, Any] = {"calibrated": properties.last_update_date.isoformat()}
    for look_up, key, scale in (
        ("t1", "median_t1_us", 1e6),
        ("t2", "median_t2_us", 1e6),
        ("readout_error", "median_readout_error", 1.0),
    ):
        try:
            values = [getattr(properties, look_up)(q) for q in range(backend.num_qubits or 0)]
        except BackendPropertyError:
            continue
        facts[key] = float(f"{median(values) * scale:.4g}")
    return facts


def _plain(value: Any) -> Any:
    """Return an option's value if it is short, else what it is."""
    return value if isinstance(value, bool | int | float | str) else type(value).__name__


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
