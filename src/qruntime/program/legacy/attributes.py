# SPDX-License-Identifier: Apache-2.0
"""Attribute access as of 2021-2023: the real attribute, else what once stood there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import qiskit.circuit.library as gates

from qruntime.errors import InvalidInputError
from qruntime.program.legacy import circuit_methods as circuits
from qruntime.program.legacy.numpy_names import NAMES as NUMPY_NAMES

_Shim = Callable[..., Any] | property


def _optimize(
    self: Any,
    num_vars: int,
    objective_function: Callable[..., Any],
    gradient_function: Callable[..., Any] | None = None,
    variable_bounds: Any = None,
    initial_point: Any = None,
) -> tuple[Any, Any, Any]:
    """Minimise, and return the point, its value and the number of evaluations, as it once was."""
    if initial_point is None:
        raise InvalidInputError(f"optimize: give an initial_point of {num_vars} numbers")
    found = self.minimize(objective_function, initial_point, gradient_function, variable_bounds)
    return found.x, found.fun, found.nfev


_CIRCUIT: dict[str, _Shim] = {
    "add_calibration": circuits.no_pulses,
    "bind_parameters": circuits.bind_parameters,
    "calibrations": property(lambda _circuit: {}),
    "cnot": circuits.renamed("cx"),
    "cu1": circuits.gate(gates.CU1Gate, ("theta",), ("control_qubit", "target_qubit")),
    "cu3": circuits.gate(gates.CU3Gate, ("theta", "phi", "lam"), ("control_qubit", "target_qubit")),
    "diagonal": circuits.diagonal,
    "fredkin": circuits.renamed("cswap"),
    "hamiltonian": circuits.hamiltonian,
    "i": circuits.renamed("id"),
    "iso": circuits.isometry,
    "isometry": circuits.isometry,
    "mct": circuits.renamed("mcx"),
    "mcu1": circuits.mcu1,
    "qasm": circuits.qasm,
    "snapshot": circuits.no_snapshot,
    "squ": circuits.squ,
    "toffoli": circuits.renamed("ccx"),
    "u1": circuits.gate(gates.U1Gate, ("theta",), ("qubit",)),
    "u2": circuits.gate(gates.U2Gate, ("phi", "lam"), ("qubit",)),
    "u3": circuits.gate(gates.U3Gate, ("theta", "phi", "lam"), ("qubit",)),
    "uc": circuits.uniformly_controlled(gates.UCGate),
    "ucrx": circuits.uniformly_controlled(gates.UCRXGate),
    "ucry": circuits.uniformly_controlled(gates.UCRYGate),
    "ucrz": circuits.uniformly_controlled(gates.UCRZGate),
}
_BIT: dict[str, _Shim] = {
    "index": property(lambda bit: bit._index),
    "register": property(lambda bit: bit._register),
}
_SHIMS: dict[str, dict[str, _Shim]] = {
    "qiskit.circuit.quantumcircuit.QuantumCircuit": _CIRCUIT,
    "qiskit.circuit.instruction.Instruction": {
        "c_if": circuits.c_if_of_instruction,
        "condition": property(lambda _instruction: None),
    },
    "qiskit.circuit.instructionset.InstructionSet": {"c_if": circuits.c_if},
    "qiskit.circuit.Bit": _BIT,
    "qiskit_algorithms.optimizers.optimizer.Optimizer": {"optimize": _optimize},
}
"""What classes once had, by the full name of the class: naming one imports nothing."""

NAMES = frozenset(NUMPY_NAMES) | {name for shims in _SHIMS.values() for name in shims}
"""The attributes that a program reads through ``attribute``; all others it reads directly."""


def attribute(owner: Any, name: str) -> Any:
    """Return ``owner.name``, or what stood there in 2021-2023 if there is no such thing today."""
    if owner is sys.modules.get("numpy") and name not in vars(owner) and name in NUMPY_NAMES:
        return NUMPY_NAMES[name]()
    try:
        return getattr(owner, name)
    except AttributeError:
        shim = _find(owner, name)
        if shim is None:
            raise
    if isinstance(owner, type):
        return shim.__get__(None, owner)
    return shim.__get__(_instance(owner))


def _instance(owner: Any) -> Any:
    return vars(super)["__self__"].__get__(owner) if isinstance(owner, super) else owner


def _find(owner: Any, name: str) -> Any:
    instance = _instance(owner)
    kind = instance if isinstance(instance, type) else type(instance)
    for parent in kind.__mro__:
        shims = _SHIMS.get(f"{parent.__module__}.{parent.__qualname__}")
        if shims and name in shims:
            return shims[name]
    return None
