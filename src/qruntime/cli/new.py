# SPDX-License-Identifier: Apache-2.0
"""``qruntime new``: a program to start from, with metadata, inputs and a test."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from qruntime.errors import InvalidInputError

_PROGRAM = '''"""{name}: say in one line what this program computes."""

from qiskit import QuantumCircuit, transpile


def main(backend, user_messenger, repetitions=3, shots=1024):
    """Prepare a Bell pair again and again; return how often both qubits agreed."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    circuit = transpile(circuit, backend)

    agreed = []
    for repetition in range(repetitions):
        counts = backend.run(circuit, shots=shots).result().get_counts()
        agreed.append((counts.get("00", 0) + counts.get("11", 0)) / shots)
        user_messenger.publish({{"repetition": repetition, "agreed": agreed[-1]}})
    return {{"agreed": agreed}}
'''

_TEST = '''"""The program on a simulator: run with `pytest`."""

from pathlib import Path

from qruntime import RuntimeService


def test_the_qubits_of_a_bell_pair_always_agree():
    with RuntimeService() as service:
        program_id = service.upload_program(Path(__file__).parent)
        job = service.run(program_id, inputs={"repetitions": 2})

        assert job.result(timeout=60) == {"agreed": [1.0, 1.0]}
'''


def new(
    name: Annotated[str, typer.Argument(help="The program's name; a folder of this name is made.")],
) -> None:
    """Write a program to start from, with metadata, inputs and a test."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", name):
        raise InvalidInputError(
            f"a program's name is letters, digits, '-' and '_', a letter first; not {name!r}"
        )
    folder = Path(name)
    if folder.exists():
        raise InvalidInputError(f"'{name}' exists already; nothing was written")
    folder.mkdir()
    for file, text in _files(name).items():
        (folder / file).write_text(text)
    typer.echo(f"Wrote {name}/: {', '.join(_files(name))}")
    typer.echo(f"Run it:  qruntime run {name}")
    typer.echo(f"Test it: pytest {name}")


def _files(name: str) -> dict[str, str]:
    repetitions = {
        "type": "integer",
        "minimum": 1,
        "default": 3,
        "description": "How often to prepare the pair.",
    }
    shots = {"type": "integer", "minimum": 1, "default": 1024, "description": "Shots each time."}
    shares = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}}
    metadata = {
        "name": name,
        "description": "Say in one line what this program computes.",
        "max_execution_time": 300,
        "spec": {
            "backend_requirements": {"min_num_qubits": 2},
            "parameters": {
                "type": "object",
                "properties": {"repetitions": repetitions, "shots": shots},
                "additionalProperties": False,
            },
            "return_values": {
                "type": "object",
                "properties": {"agreed": shares},
                "required": ["agreed"],
            },
            "interim_results": {"type": "object", "required": ["repetition", "agreed"]},
        },
    }
    return {
        "program.py": _PROGRAM.format(name=name),
        "program.json": json.dumps(metadata, indent=2) + "\n",
        f"test_{name.replace('-', '_').lower()}.py": _TEST,
    }
