# SPDX-License-Identifier: Apache-2.0
"""What a program's own imports can be given instead of what a library has."""

from __future__ import annotations

import pytest
import qiskit
import qiskit.transpiler

from qruntime.core.programs import ProgramSource
from qruntime.execution.transpilation import TranspileCache
from qruntime.program.loader import load_program

STATEMENTS = [
    ("from qiskit import transpile", "transpile"),
    ("from qiskit import *", "transpile"),
    ("import qiskit", "qiskit.transpile"),
    ("import qiskit as q", "q.compiler.transpile"),
    ("from qiskit.compiler import transpile as t", "t"),
    ("from qiskit.compiler.transpiler import transpile", "transpile"),
    ("import qiskit.transpiler", "qiskit.transpile"),
]
MANAGERS = [
    ("from qiskit import generate_preset_pass_manager as g", "g"),
    ("from qiskit.transpiler import generate_preset_pass_manager as g", "g"),
    ("import qiskit.transpiler as t", "t.generate_preset_pass_manager"),
    ("import qiskit", "qiskit.transpiler.generate_preset_pass_manager"),
    ("from qiskit import transpiler", "transpiler.generate_preset_pass_manager"),
    ("from qiskit.transpiler.preset_passmanagers import generate_preset_pass_manager as g", "g"),
]


def run(folder, text, cache):
    source = ProgramSource({"program.py": text.encode()}, "program.py")
    return load_program(source, folder, cache.replacements).main(None, None)


@pytest.mark.parametrize(("statement", "expression"), STATEMENTS)
def test_a_program_finds_the_replaced_transpile(tmp_path, statement, expression):
    cache = TranspileCache()
    text = f"{statement}\ndef main(b, m):\n    return {expression}"

    assert run(tmp_path, text, cache) == cache.transpile


@pytest.mark.parametrize(("statement", "expression"), MANAGERS)
def test_a_program_finds_the_replaced_pass_managers(tmp_path, statement, expression):
    cache = TranspileCache()
    text = f"{statement}\ndef main(b, m):\n    return {expression}"

    assert run(tmp_path, text, cache) == cache.generate_preset_pass_manager


def test_libraries_and_other_programs_find_the_real_one(tmp_path):
    text = "import qiskit\ndef main(b, m):\n    return qiskit.transpile"
    run(tmp_path, text, TranspileCache())
    source = ProgramSource({"program.py": text.encode()}, "program.py")

    assert load_program(source, tmp_path).main(None, None) is qiskit.transpile
    assert "qruntime" not in qiskit.transpile.__module__


def test_the_other_names_of_a_replaced_module_are_the_real_ones(tmp_path):
    text = (
        "from qiskit.transpiler import PassManager, CouplingMap\n"
        "import qiskit.transpiler.passes as passes\n"
        "def main(b, m):\n    return PassManager, CouplingMap, passes.SabreSwap"
    )

    assert run(tmp_path, text, TranspileCache()) == (
        qiskit.transpiler.PassManager,
        qiskit.transpiler.CouplingMap,
        qiskit.transpiler.passes.SabreSwap,
    )


def test_a_program_is_served_from_the_cache(tmp_path):
    cache = TranspileCache()
    text = (
        "from qiskit import QuantumCircuit, transpile\n"
        "from qiskit.transpiler import StagedPassManager, generate_preset_pass_manager\n"
        "def main(b, m):\n"
        "    for angle in (0.2, 0.3, 0.4, 0.5):\n"
        "        circuit = QuantumCircuit(1)\n"
        "        circuit.rx(angle, 0)\n"
        "        made = transpile(circuit, basis_gates=['rz', 'sx'])\n"
        "    manager = generate_preset_pass_manager(basis_gates=['rz', 'sx'])\n"
        "    return isinstance(manager, StagedPassManager)\n"
    )

    assert run(tmp_path, text, cache) is True
    assert cache.statistics.bound == 2
