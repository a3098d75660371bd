# SPDX-License-Identifier: Apache-2.0
"""``execute``: transpile and run in one call, as Qiskit had it until 2023."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qiskit import QuantumCircuit, transpile

from qruntime.errors import InvalidCircuitError, UnsupportedOptionError

_TRANSPILE = frozenset(
    {
        *("basis_gates", "coupling_map", "initial_layout", "seed_transpiler"),
        *("optimization_level", "scheduling_method", "layout_method", "routing_method"),
    }
)
_REFUSED = frozenset(
    {
        *("backend_properties", "default_qubit_los", "default_meas_los", "qubit_lo_range"),
        *("meas_lo_range", "schedule_los", "schedule_circuit", "inst_map", "meas_map"),
        *("memory_slots", "memory_slot_size", "rep_time", "qobj_id", "qobj_header"),
    }
)


def executing_with(transpile: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``execute`` with a function that does what ``qiskit.transpile`` does."""

    def execute(
        experiments: QuantumCircuit | Sequence[QuantumCircuit],
        backend: Any,
        *,
        pass_manager: Any = None,
        parameter_binds: Sequence[Mapping[Any, Any]] | None = None,
        **options: Any,
    ) -> Any:
        """Transpile circuits for a backend, run them and return the job.

        With ``parameter_binds`` each circuit runs once for each of the dicts of values, in this
        order. Options of the transpiler go to it, all others to ``backend.run``; None is as if not
        given, and the optimization level is then 1, as it was.

        Raises UnsupportedOptionError for options that concern pulses or qobjs, which are gone.
        """
        given = {name: value for name, value in options.items() if value is not None}
        refused = sorted(name for name in given if name in _REFUSED and given[name] is not False)
        if refused:
            raise UnsupportedOptionError(
                f"execute: {', '.join(refused)} cannot be honoured any more"
            )
        single = isinstance(experiments, QuantumCircuit)
        circuits = [experiments] if single else list(experiments)
        if parameter_binds:
            circuits = _bind(circuits, parameter_binds)
        chosen = {name: given[name] for name in given if name in _TRANSPILE}
        for_transpiler = {"optimization_level": 1, **chosen}
        if pass_manager is not None:
            compiled = pass_manager.run(circuits)
        else:
            compiled = transpile(circuits, backend, **for_transpiler)
        run_options = {name: given[name] for name in given if name not in _TRANSPILE | _REFUSED}
        return backend.run(
            compiled[0] if single and len(compiled) == 1 else compiled, **run_options
        )

    return execute


execute = executing_with(transpile)


def _bind(
    circuits: Sequence[QuantumCircuit], binds: Sequence[Mapping[Any, Any]]
) -> list[QuantumCircuit]:
    bound = []
    for index, circuit in enumerate(circuits):
        for values in binds:
            try:
                bound.append(circuit.assign_parameters(values))
            except Exception as error:
                message = f"execute: circuit {index} does not take these parameter_binds: {error}"
                raise InvalidCircuitError(message, index=index) from error
            if bound[-1].parameters:
                names = ", ".join(parameter.name for parameter in bound[-1].parameters)
                message = f"execute: circuit {index} has no values for {names} in parameter_binds"
                raise InvalidCircuitError(message, index=index)
    return bound
