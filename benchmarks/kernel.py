# SPDX-License-Identifier: Apache-2.0
"""Compare the compiled statevector with qulacs and Aer, alternating, in one process on one core.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/kernel.py [--sizes 4 8 12] [--rounds 15]

One iteration binds new parameters, simulates, and either counts 1024 shots into a dict or computes
an expectation value. Aer is used carefully: one circuit, transpiled once, bound, run. qulacs' gates
are bound by setting the parameters of one ParametricQuantumCircuit; it is left out where it is not
installed. The bound is one read and write of the state for each gate of the circuit at the memory
speed measured on the spot; only ratios inside one row compare.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("QULACS_NUM_THREADS", "1")

import argparse
import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp, random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2

from qruntime.execution import PauliSums, StatevectorProgram, warm

try:
    import qulacs
except ImportError:
    qulacs = None

SHOTS = 1024


def hea(n: int) -> QuantumCircuit:
    angles = iter(ParameterVector("t", 8 * n))
    circuit = QuantumCircuit(n)
    for layer in range(4):
        for qubit in range(n):
            circuit.ry(next(angles), qubit)
            circuit.rz(next(angles), qubit)
        if layer < 3:
            for qubit in range(n - 1):
                circuit.cx(qubit, qubit + 1)
    return circuit


def qaoa(n: int) -> QuantumCircuit:
    angles = ParameterVector("t", 4)
    circuit = QuantumCircuit(n)
    circuit.h(range(n))
    for layer in range(2):
        for a, b in itertools.combinations(range(n), 2):
            circuit.rzz(angles[2 * layer], a, b)
        for qubit in range(n):
            circuit.rx(angles[2 * layer + 1], qubit)
    return circuit


def qv(n: int) -> QuantumCircuit:
    rng = np.random.default_rng(7)
    circuit = QuantumCircuit(n)
    for _ in range(min(n, 12)):
        order = rng.permutation(n)
        for k in range(0, n - 1, 2):
            pair = [int(order[k]), int(order[k + 1])]
            circuit.unitary(random_unitary(4, seed=int(rng.integers(1 << 31))), pair)
    return circuit


FAMILIES: dict[str, Callable[[int], QuantumCircuit]] = {"hea": hea, "qaoa": qaoa, "qv": qv}


def observable(n: int) -> SparsePauliOp:
    terms = [("ZZ", [q, q + 1], 1.0) for q in range(n - 1)] + [("X", [q], 0.5) for q in range(n)]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=n)


Loops = dict[str, Callable[[np.ndarray], Any]]


def ours(circuit: QuantumCircuit, measured: QuantumCircuit) -> tuple[Callable, Callable]:
    program = StatevectorProgram.compile(measured)
    prepared = PauliSums.of(observable(circuit.num_qubits))
    return (
        lambda row: program.sample(row, SHOTS).counts(),
        lambda row: program.expectation(row, prepared)[0, 0],
    )


def aer(circuit: QuantumCircuit, measured: QuantumCircuit) -> tuple[Callable, Callable]:
    simulator = AerSimulator(method="statevector", max_parallel_threads=1)
    template = transpile(measured, simulator, optimization_level=1)
    estimator = EstimatorV2(options={"backend_options": {"max_parallel_threads": 1}})
    sum_of_paulis = observable(circuit.num_qubits)
    bare = transpile(circuit, simulator, optimization_level=1)

    def count(row: np.ndarray) -> Any:
        bound = template.assign_parameters(row) if row.size else template
        return simulator.run(bound, shots=SHOTS).result().get_counts()

    def expect(row: np.ndarray) -> Any:
        return estimator.run([(bare, sum_of_paulis, row)]).result()[0].data.evs

    return count, expect


def qulacs_loops(circuit: QuantumCircuit) -> tuple[Callable, Callable]:  # noqa: C901 - one branch a gate
    n = circuit.num_qubits
    program, slots = qulacs.ParametricQuantumCircuit(n), []
    columns = {parameter: k for k, parameter in enumerate(circuit.parameters)}
    for instruction in circuit.data:
        name, params = instruction.operation.name, instruction.operation.params
        qubits = [circuit.find_bit(q).index for q in instruction.qubits]
        if name == "rzz":
            program.add_parametric_multi_Pauli_rotation_gate(qubits, [3, 3], 0.0)
        elif name in ("rx", "ry", "rz"):
            getattr(program, f"add_parametric_{name.upper()}_gate")(qubits[0], 0.0)
        elif name == "cx":
            program.add_CNOT_gate(*qubits)
        elif name == "h":
            program.add_H_gate(qubits[0])
        else:
            program.add_dense_matrix_gate(qubits, params[0])
        if name.startswith("r"):
            slots.append(columns[params[0]])
    state = qulacs.QuantumState(n)
    paulis = qulacs.Observable(n)
    for label, qubits, weight in observable(n).to_sparse_list():
        text = " ".join(f"{p} {q}" for p, q in zip(label, qubits, strict=True))
        paulis.add_operator(float(weight.real), text)

    def evolve(row: np.ndarray) -> None:
        for k, column in enumerate(slots):
            program.set_parameter(k, -float(row[column]))
        state.set_zero_state()
        program.update_quantum_state(state)

    def count(row: np.ndarray) -> Any:
        evolve(row)
        found = Counter(state.sampling(SHOTS))
        return {format(key, f"0{n}b"): number for key, number in found.items()}

    def expect(row: np.ndarray) -> Any:
        evolve(row)
        return paulis.get_expectation_value(state)

    return count, expect


def bound_seconds(n: int, gates: int) -> float:
    """One pass, read and write, over the state for each gate."""
    state = np.ones(max(2 << n, 1 << 14))
    repeats = max(1, (1 << 24) // state.size)
    rounds = []
    for _ in range(7):
        begin = time.perf_counter()
        for _ in range(repeats):
            np.multiply(state, 1.0, out=state)
        rounds.append((time.perf_counter() - begin) / repeats)
    return statistics.median(rounds) * (2 << n) / state.size * gates


def alternate(loops: Loops, parameters: int, seconds: float, rounds: int) -> dict[str, float]:
    rng = np.random.default_rng(1)
    repeats = {}
    for name, loop in loops.items():
        row = rng.uniform(-3, 3, parameters)
        loop(row)
        begin = time.perf_counter()
        loop(row)
        once = time.perf_counter() - begin
        repeats[name] = max(1, min(200, int(seconds / rounds / max(once, 1e-9))))
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(rounds):
        for name, loop in loops.items():
            rows = rng.uniform(-3, 3, (repeats[name], parameters))
            begin = time.perf_counter()
            for row in rows:
                loop(row)
            times[name].append((time.perf_counter() - begin) / len(rows))
    return {name: statistics.median(values) * 1e6 for name, values in times.items()}


def check(loops: Loops, parameters: int) -> None:
    row = np.random.default_rng(2).uniform(-3, 3, parameters)
    values = [float(loop(row)) for loop in loops.values()]
    if max(values) - min(values) > 1e-7:
        raise SystemExit(f"the simulators disagree: {values}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 8, 12, 16, 20])
    parser.add_argument("--families", nargs="+", default=list(FAMILIES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each loop, about")
    options = parser.parse_args()
    warm()
    print("median microseconds of one iteration; x = times slower than ours")
    print(f"{'':22}{'ours':>10}{'qulacs':>18}{'Aer':>18}{'bound':>10}{'ours/bound':>12}")
    for family, n in itertools.product(options.families, options.sizes):
        circuit = FAMILIES[family](n)
        measured = circuit.copy()
        measured.measure_all()
        pairs = {"ours": ours(circuit, measured), "aer": aer(circuit, measured)}
        if qulacs is not None:
            pairs["qulacs"] = qulacs_loops(circuit)
        parameters = circuit.num_parameters
        check({name: pair[1] for name, pair in pairs.items()}, parameters)
        bound = bound_seconds(n, len(circuit.data)) * 1e6
        for k, task in enumerate(("counts", "expectation")):
            loops = {name: pair[k] for name, pair in pairs.items()}
            found = alternate(loops, parameters, options.seconds, options.rounds)
            mine = found["ours"]
            peers = [
                f"{found[p]:>10.0f}{found[p] / mine:>6.1f} x" if p in found else f"{'-':>18}"
                for p in ("qulacs", "aer")
            ]
            line = f"{family:5}{n:>3} {task:13}{mine:>10.1f}{''.join(peers)}"
            print(f"{line}{bound:>10.1f}{mine / bound:>12.2f}", flush=True)


if __name__ == "__main__":
    main()
