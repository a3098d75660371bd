# SPDX-License-Identifier: Apache-2.0
"""Iterative phase estimation: the phase of a unitary, bit by bit, on one qubit that is reused."""

from __future__ import annotations

from math import pi

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile


def main(
    backend,
    user_messenger,
    *,
    phase=0.6875,
    bits=4,
    unitary=None,
    eigenstate=None,
    shots=None,
    seed=None,
):
    """Estimate the phase of ``unitary`` in turns, in [0, 1), with a resolution of 2^-bits.

    ``unitary`` and ``eigenstate`` (which prepares its eigenstate) are circuits; by default they
    are a phase gate that turns by ``phase``, and the state |1>.
    """
    if unitary is None:
        unitary = QuantumCircuit(1)
        unitary.p(2 * pi * phase, 0)
    if eigenstate is None:
        eigenstate = QuantumCircuit(unitary.num_qubits)
        eigenstate.x(range(unitary.num_qubits))
    circuit = transpile(phase_circuit(unitary, eigenstate, bits), backend, seed_transpiler=seed)
    user_messenger.publish({"depth": circuit.depth(), "gates": dict(circuit.count_ops())})

    shots = shots or backend.options.shots
    counts = backend.run(circuit, shots=shots, seed_simulator=seed).result().get_counts()
    likeliest = max(counts, key=counts.get)
    return {
        "phase": int(likeliest, 2) / 2**bits,
        "share": counts[likeliest] / shots,
        "resolution": 2**-bits,
        "counts": counts,
    }


def phase_circuit(unitary, eigenstate, bits) -> QuantumCircuit:
    """Return the dynamic circuit; its classical register reads the phase times 2^bits.

    The last bit is measured first. Each bit known turns the qubit back by its share of the phase
    (feed-forward), so that the next bit is left as a turn by 0 or a half.
    """
    probe = QuantumRegister(1, "probe")
    system = QuantumRegister(unitary.num_qubits, "system")
    known = ClassicalRegister(bits, "phase")
    circuit = QuantumCircuit(probe, system, known)
    circuit.compose(eigenstate, system, inplace=True)
    for bit in range(bits):
        if bit:
            circuit.reset(probe)
        circuit.h(probe)
        power = unitary.power(2 ** (bits - 1 - bit), matrix_power=True)
        circuit.compose(power.control(annotated=True), [*probe, *system], inplace=True)
        for earlier in range(bit):
            with circuit.if_test((known[earlier], 1)):
                circuit.p(-2 * pi / 2 ** (bit - earlier + 1), probe)
        circuit.h(probe)
        circuit.measure(probe, known[bit])
    return circuit
