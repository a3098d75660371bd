# SPDX-License-Identifier: Apache-2.0
"""Circuits handed out of a cache: equal to what is kept, and sharing nothing that can change."""

from __future__ import annotations

import copy
from typing import Any

from qiskit import QuantumCircuit
from qiskit.transpiler.layout import Layout, TranspileLayout

from qruntime.execution.transpile_structure import is_plain_item


class KeptCircuit:
    """A transpiled circuit that nobody else can reach."""

    __slots__ = ("_circuit", "_copy", "size")

    def __init__(self, circuit: QuantumCircuit) -> None:
        plain = all(map(is_plain_item, circuit._data))
        self._copy = _copy_plain if plain else _copy_deep
        self._circuit = _named(self._copy(circuit), "", None)
        layout = 400 * circuit.num_qubits if circuit.layout is not None else 0
        size = 2000 + layout + 100 * circuit.num_qubits + 160 * len(circuit.data)
        self.size = (size if plain else 4 * size) + _matrix_bytes(circuit)

    def fresh(self, name: str, metadata: dict[str, object] | None) -> QuantumCircuit:
        """Return the circuit as Qiskit would give it for an input of this name and metadata."""
        return _named(self._copy(self._circuit), name, metadata)

    def around(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return the circuit with the instructions and the phase of another on the same bits."""
        made = _with_data(self._circuit, circuit._data.copy())
        return _named(made, circuit.name, circuit.metadata)


def _named(
    circuit: QuantumCircuit, name: str, metadata: dict[str, object] | None
) -> QuantumCircuit:
    circuit.name = name
    circuit._metadata = dict(metadata or {})
    return circuit


def _copy_plain(circuit: QuantumCircuit) -> QuantumCircuit:
    return _with_data(circuit, circuit._data.copy())


def _with_data(circuit: QuantumCircuit, data: Any) -> QuantumCircuit:
    """Do what ``QuantumCircuit.copy`` does, in a third of the time, and copy the layout too."""
    made: QuantumCircuit = object.__new__(QuantumCircuit)
    held = vars(made)
    for name, value in vars(circuit).items():
        held[name] = value.copy() if type(value) in (list, dict) else value
    held["_data"] = data
    if circuit._layout is not None:
        held["_layout"] = copy_layout(circuit._layout)
    return made


def _copy_deep(circuit: QuantumCircuit) -> QuantumCircuit:
    made: QuantumCircuit = copy.deepcopy(circuit)
    return made


def copy_layout(layout: TranspileLayout) -> TranspileLayout:
    """Return a layout of the same bits that can be changed on its own."""
    return TranspileLayout(
        initial_layout=layout.initial_layout.copy(),
        input_qubit_mapping=dict(layout.input_qubit_mapping),
        final_layout=_copy_places(layout.final_layout),
        _input_qubit_count=layout._input_qubit_count,
        _output_qubit_list=list(layout._output_qubit_list or ()),
    )


def _copy_places(places: Layout | None) -> Layout | None:
    return None if places is None else places.copy()


def _matrix_bytes(circuit: QuantumCircuit) -> int:
    return sum(
        16 * 4 ** len(item.qubits)
        for item in circuit._data
        if not item.is_standard_gate() and item.name == "unitary"
    )
