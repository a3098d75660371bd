# SPDX-License-Identifier: Apache-2.0
"""Plain runs of ``AerBackend``: exact on the default tier, Aer's own on the others.

Each chi-squared test has a false-alarm rate of one in a million; circuits and seeds are fixed, so a
test that passes once passes always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from scipy import stats

from qruntime import AerBackend, InvalidCircuitError, InvalidInputError, UnsupportedOptionError
from qruntime.execution.forms import FORMS

FALSE_ALARM = 1e-6
TIERS = ("kernel", "clifford", "native", "aer")
NAMES = {
    1: ("id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg"),
    2: ("cx", "cy", "cz", "swap", "csx", "ecr"),
    3: ("ccx", "cswap", "ccz"),
}
TURNS = {
    1: ("rx", "ry", "rz", "p", "r", "u"),
    2: ("crx", "cry", "crz", "cp", "cu", "rxx", "ryy", "rzz", "rzx"),
}
WIDTHS = {"r": 2, "u": 3, "cu": 4}


@st.composite
def static(draw: st.DrawFn) -> QuantumCircuit:
    """Draw a bound circuit of Aer's gates over several registers, measured at its end."""
    sizes = draw(st.lists(st.integers(1, 2), min_size=1, max_size=3))
    registers = [QuantumRegister(size, f"r{place}") for place, size in enumerate(sizes)]
    circuit = QuantumCircuit(*registers, global_phase=draw(st.floats(-3, 3)))
    width = circuit.num_qubits
    for qubit in range(draw(st.integers(0, width))):
        circuit.reset(qubit)
    for _ in range(draw(st.integers(1, 12))):
        most = draw(st.integers(1, min(width, 3)))
        qubits = draw(st.permutations(range(width)))[:most]
        if most < 3 and draw(st.booleans()):
            name = draw(st.sampled_from(TURNS[most]))
            number = WIDTHS.get(name, 1)
            angles = draw(st.lists(st.floats(-6, 6), min_size=number, max_size=number))
            getattr(circuit, name)(*angles, *qubits)
        else:
            getattr(circuit, draw(st.sampled_from(NAMES[most])))(*qubits)
        if draw(st.integers(0, 5)) == 0:
            circuit.barrier()
    for place, size in enumerate(sizes):
        circuit.add_register(ClassicalRegister(size, f"c{place}"))
    circuit.measure(draw(st.permutations(range(width))), range(width))
    return circuit


def exact(circuit: QuantumCircuit) -> dict[str, float]:
    """Return the probabilities of what the last measurements show, registers apart."""
    source = {
        circuit.find_bit(item.clbits[0]).index: circuit.find_bit(item.qubits[0]).index
        for item in circuit.data
        if item.name == "measure"
    }
    bare = circuit.copy_empty_like()
    bare.data = [item for item in circuit.data if item.name not in {"measure", "reset"}]
    bits = Statevector(bare).probabilities_dict([source[bit] for bit in sorted(source)])
    found = {}
    for bitstring, share in bits.items():
        parts, rest = [], bitstring
        for register in reversed(circuit.cregs):
            parts.append(rest[: register.size])
            rest = rest[register.size :]
        found[" ".join(parts)] = share
    return found


def fits(counts: Mapping[str, int], probabilities: Mapping[str, float]) -> bool:
    shots = sum(counts.values())
    if any(probabilities.get(key, 0.0) < 1e-12 for key in counts):
        return False
    common = [key for key, share in probabilities.items() if share * shots >= 5]
    seen = np.array([counts.get(key, 0) for key in common] + [0.0])
    wanted = np.array([probabilities[key] * shots for key in common] + [0.0])
    seen[-1], wanted[-1] = shots - seen.sum(), shots - wanted.sum()
    if wanted[-1] < 5:
        seen, wanted = seen[:-1], wanted[:-1]
    statistic = float(((seen - wanted) ** 2 / wanted).sum())
    return len(wanted) < 2 or bool(stats.chi2.sf(statistic, len(wanted) - 1) > FALSE_ALARM)


def ansatz(values: Any = None, name: str = "ansatz") -> QuantumCircuit:
    angles = ParameterVector("t", 4)
    circuit = QuantumCircuit(2, name=name, metadata={"kind": ["test"]})
    for layer in range(2):
        circuit.ry(angles[2 * layer], 0)
        circuit.rz(angles[2 * layer + 1] * 2 + 0.1, 1)
        circuit.h(1)
        circuit.cx(0, 1)
    circuit.measure_all()
    if values is None:
        return circuit
    bound = circuit.assign_parameters(values)
    bound.name = name
    return bound


def midway(angle: float = 0.7) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 3)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.reset(0)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [1, 2])
    return circuit


def conditional() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.ry(0.5, 1)
    circuit.measure(1, 1)
    return circuit


def code(rounds: int = 5) -> QuantumCircuit:
    """A Clifford circuit with measurements in the middle, for which stim is worth it."""
    circuit = QuantumCircuit(12, 12)
    for _ in range(rounds):
        circuit.h(range(12))
        circuit.cx(range(11), range(1, 12))
        circuit.measure(0, 0)
    circuit.measure(range(12), range(12))
    return circuit


def noise() -> NoiseModel:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 1), ["ry", "h"])
    return model


def tiers(result: Any) -> list[str]:
    return [experiment.metadata["tier"] for experiment in result.results]


# What is sampled


@settings(max_examples=40)
@given(static())
def test_the_default_tier_follows_the_exact_probabilities(circuit: QuantumCircuit) -> None:
    result = AerBackend().run(circuit, shots=4000, seed_simulator=11).result()

    assert tiers(result) == ["kernel"]
    assert fits(result.get_counts(), exact(circuit))


@settings(max_examples=6)
@given(st.lists(static(), min_size=1, max_size=3), st.integers(0, 2**63 - 1))
@pytest.mark.parametrize("tier", ["native", "aer"])
@pytest.mark.parametrize("noise_model", [None, noise()], ids=["ideal", "noisy"])
def test_aers_tiers_give_aers_counts_bit_for_bit(
    tier: str, noise_model: Any, circuits: list[QuantumCircuit], seed: int
) -> None:
    given = [*circuits, midway(), conditional()]
    options = {"noise_model": noise_model, "seed_simulator": seed, "shots": 50, "memory": True}

    ours = AerBackend().run(given, tier=tier, **options).result()
    theirs = AerSimulator().run(given, **options).result()

    for place in range(len(given)):
        assert ours.get_memory(place) == theirs.get_memory(place)
    assert tiers(ours) == [tier] * len(given)


def test_each_circuit_of_a_mixed_list_keeps_its_place_and_aers_its_seed() -> None:
    mixed = [ansatz([0.1, 0.2, 0.3, 0.4]), midway(), conditional(), ansatz([1, 2, 3, 4]), midway()]

    ours = AerBackend().run(mixed, seed_simulator=5).result()
    theirs = AerSimulator().run(mixed, seed_simulator=5, shots=1024).result()

    assert tiers(ours) == ["kernel", "aer", "aer", "kernel", "aer"]
    for place in (1, 2, 4):
        assert ours.get_counts(place) == theirs.get_counts(place)
    for place in (0, 3):
        assert fits(ours.get_counts(place), exact(mixed[place]))


@pytest.mark.parametrize("tier", ["native", "aer"])
def test_a_list_longer_than_one_call_of_aer_is_still_aers_list(tier: str) -> None:
    many = [midway(0.01 * number) for number in range(130)]

    ours = AerBackend(tier=tier).run(many, seed_simulator=2**63 - 1, shots=20).result()
    theirs = AerSimulator().run(many, seed_simulator=2**63 - 1, shots=20).result()

    assert ours.get_counts() == theirs.get_counts()


def test_noise_other_methods_and_what_is_saved_are_aers() -> None:
    saved = QuantumCircuit(1)
    saved.h(0)
    saved.save_statevector()
    circuit = ansatz([1, 2, 3, 4])

    ran = [
        AerBackend().run(circuit, noise_model=noise()),
        AerBackend(method="matrix_product_state").run(circuit),
        AerBackend(precision="single").run(circuit),
        AerBackend().run(saved),
        AerBackend().run(midway()),
    ]

    assert [tiers(job.result()) for job in ran] == [["aer"]] * 5


def test_a_clifford_circuit_where_stim_gains_goes_there() -> None:
    result = AerBackend().run(code(), seed_simulator=3, memory=True, shots=200).result()

    assert tiers(result) == ["clifford"]
    assert sum(result.get_counts().values()) == len(result.get_memory()) == 200


def test_the_tier_is_the_one_that_compile_takes_for_what_the_engine_takes() -> None:
    for circuit in (ansatz([1, 2, 3, 4]), code()):
        template = AerBackend().compile(circuit)

        assert tuple(tiers(AerBackend().run(circuit).result())) == template.tiers


# Circuits that are alike


def test_circuits_that_differ_in_one_value_share_a_form_and_no_counts() -> None:
    backend = AerBackend()
    before = FORMS.statistics()["kernel"]
    values = [[0.3, 1.0, 2.0, 0.5], [0.3, 1.0, 2.0, 2.5], [0.0, 0.0, 0.0, 0.0]]

    for row in values:
        circuit = ansatz(row)
        assert fits(backend.run(circuit, shots=4000, seed_simulator=1).result().get_counts(),
                    exact(circuit))  # fmt: skip

    after = FORMS.statistics()["kernel"]
    assert after["misses"] - before["misses"] <= 1
    assert after["hits"] - before["hits"] >= 2


def test_headers_are_each_circuits_own() -> None:
    circuits = []
    for name, phase in (("a", 0.5), ("b", 1.5)):
        circuit = QuantumCircuit(QuantumRegister(1, name), ClassicalRegister(1, f"c{name}"))
        circuit.name, circuit.global_phase, circuit.metadata = name, phase, {"of": name}
        circuit.x(0)
        circuit.measure(0, 0)
        circuits.append(circuit)

    headers = [
        AerBackend().run(circuits, tier=tier, shots=5).result().results
        for tier in ("kernel", "aer")
    ]

    for ours, theirs in zip(*headers, strict=True):
        for field in ("name", "metadata", "creg_sizes", "qreg_sizes", "memory_slots", "n_qubits"):
            assert ours.header[field] == theirs.header[field]
        assert ours.header["global_phase"] == theirs.header["global_phase"]


@pytest.mark.parametrize("tier", TIERS)
def test_what_the_caller_does_to_his_circuit_after_the_run_changes_nothing(tier: str) -> None:
    backend = AerBackend(seed_simulator=4, tier=tier)
    circuit = QuantumCircuit(1, 1, name="mine", metadata={"note": ["here"]})
    circuit.x(0)
    circuit.measure(0, 0)
    job = backend.run(circuit, shots=9)

    circuit.metadata["note"].append("more")
    circuit.data.pop(0)
    circuit.name = "other"

    assert job.result().get_counts() == {"1": 9}
    assert job.result().results[0].header["name"] == "mine"
    assert tier in ("aer", "native") or job.result().results[0].header["metadata"] == {
        "note": ["here"]
    }
    assert backend.run(circuit, shots=9).result().get_counts() == {"0": 9}


def test_a_transpiled_circuit_of_a_wide_device_runs_on_its_few_qubits() -> None:
    from qiskit.providers.fake_provider import GenericBackendV2

    wide = transpile(ansatz([0.3, 1.0, 2.0, 0.5]), GenericBackendV2(60, seed=1), seed_transpiler=1)

    result = AerBackend(method="statevector").run(wide, shots=4000, seed_simulator=1).result()

    assert tiers(result) == ["kernel"]
    assert fits(result.get_counts(), exact(ansatz([0.3, 1.0, 2.0, 0.5])))


# Seeds


@pytest.mark.parametrize("tier", TIERS)
def test_a_seed_repeats_a_run_on_its_tier_and_no_seed_does_not(tier: str) -> None:
    circuit = QuantumCircuit(6)
    circuit.h(range(6))
    circuit.measure_all()
    backend = AerBackend(tier=tier, shots=400)

    def counts(**options: Any) -> Any:
        return backend.run([circuit, circuit], **options).result().get_counts()

    assert counts(seed_simulator=1) == counts(seed_simulator=1)
    assert counts(seed_simulator=1) != counts(seed_simulator=2)
    assert counts() != counts()
    assert len({str(item) for item in counts(seed_simulator=1)}) == 2


@pytest.mark.parametrize("tier", [None, *TIERS])
def test_a_timed_run_gives_what_an_untimed_one_gives(tier: str | None) -> None:
    backend = AerBackend(seed_simulator=8, shots=300)
    clifford = QuantumCircuit(3)
    clifford.h(range(3))
    clifford.measure_all()
    circuits = [clifford] if tier else [ansatz([0.1, 0.2, 0.3, 0.4]), midway(), code()]

    plain = backend.run(circuits, tier=tier, memory=True).result()
    timed = backend.run(circuits, tier=tier, memory=True, timeout=60).result()

    assert tiers(timed) == tiers(plain) == ([tier] if tier else ["kernel", "aer", "clifford"])
    assert timed.get_counts() == plain.get_counts()
    assert timed.get_memory(0) == plain.get_memory(0)


# Parameters


rows = st.lists(st.lists(st.floats(-6, 6), min_size=4, max_size=4), min_size=1, max_size=3)


@settings(max_examples=15)
@given(rows)
def test_both_dialects_run_each_row(values: list[list[float]]) -> None:
    circuit = ansatz()
    order = list(circuit.parameters)
    single = [dict(zip(order, row, strict=True)) for row in values]
    columns = [{name: [row[k] for row in values] for k, name in enumerate(order)}]

    found = [
        AerBackend(seed_simulator=2, shots=3000).run(circuit, parameter_binds=binds).result()
        for binds in (single, columns)
    ]

    assert tiers(found[0]) == ["kernel"] * len(values)
    for place, row in enumerate(values):
        assert found[0].get_counts(place) == found[1].get_counts(place)
        assert fits(found[0].get_counts(place), exact(ansatz(row)))
        assert found[0].results[place].header["name"] == "ansatz"


@pytest.mark.parametrize("tier", ["native", "aer"])
def test_bound_rows_and_a_free_phase_are_aers_bit_for_bit(tier: str) -> None:
    phase = Parameter("phase")
    circuit = ansatz()
    circuit.global_phase = phase
    values = np.random.default_rng(3).uniform(-3, 3, (3, 5))
    binds = [{**dict(zip(circuit.parameters, row, strict=True))} for row in values]
    bound = [circuit.assign_parameters(row) for row in values]

    ours = AerBackend(tier=tier).run(circuit, parameter_binds=binds, seed_simulator=6).result()
    theirs = AerSimulator().run(bound, seed_simulator=6, shots=1024).result()

    assert ours.get_counts() == theirs.get_counts()


def test_a_free_phase_does_not_keep_a_circuit_from_the_kernel() -> None:
    circuit = QuantumCircuit(1, global_phase=Parameter("phase"))
    circuit.rx(Parameter("angle"), 0)
    circuit.measure_all()

    result = AerBackend().run(circuit, parameter_binds={"angle": np.pi, "phase": 1.0}, shots=5)

    assert tiers(result.result()) == ["kernel"]
    assert result.result().get_counts() == {"1": 5}


def test_many_rows_go_in_one_call_and_count_as_circuits() -> None:
    circuit = ansatz()
    binds = [dict.fromkeys(circuit.parameters, 0.1 * place) for place in range(20)]

    job = AerBackend(shots=10).run([circuit, circuit], parameter_binds=binds)

    assert job.metadata == {"circuits": 40, "shots": 400}
    assert len(job.result().get_counts()) == 40


# The option


@pytest.mark.parametrize("tier", TIERS)
def test_the_tier_is_pinned_by_run_constructor_and_set_options(tier: str) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.measure_all()
    later = AerBackend()
    later.set_options(tier=tier)

    ran = [
        AerBackend().run(circuit, tier=tier),
        AerBackend(tier=tier).run(circuit),
        later.run(circuit),
    ]

    assert [tiers(job.result()) for job in ran] == [[tier]] * 3
    assert later.compile(circuit).tiers == (tier,)


def test_the_option_is_listed_and_any_other_tier_is_refused() -> None:
    assert AerBackend().options.tier is None
    with pytest.raises(InvalidInputError, match="'tier' must be one of None, 'kernel'"):
        AerBackend().run(midway(), tier="fast")


@pytest.mark.parametrize(
    ("tier", "circuit", "options", "reason"),
    [
        ("kernel", midway(), {}, "a qubit is reset after"),
        ("kernel", ansatz([1, 2, 3, 4]), {"noise_model": noise()}, "noise_model"),
        ("clifford", ansatz([1, 2, 3, 4]), {}, "the tier 'clifford' does not take this"),
        ("native", ansatz([1, 2, 3, 4]), {"runtime_parameter_bind_enable": True}, "runtime_param"),
    ],
)
@pytest.mark.parametrize("timeout", [None, 60])
def test_a_pinned_tier_that_cannot_says_why(
    tier: str, circuit: QuantumCircuit, options: Any, reason: str, timeout: Any
) -> None:
    with pytest.raises(UnsupportedOptionError, match=reason):
        AerBackend().run(circuit, tier=tier, timeout=timeout, **options)


def test_an_angle_that_is_not_finite_is_refused_with_the_circuits_index() -> None:
    circuit = QuantumCircuit(1, name="odd")
    circuit.rx(float("nan"), 0)
    circuit.measure_all()

    with pytest.raises(InvalidCircuitError, match=r"circuit 1 \('odd'\) has a gate with an angle"):
        AerBackend().run([ansatz([1, 2, 3, 4]), circuit])


def test_options_that_change_between_runs_are_seen_each_time() -> None:
    backend, circuit = AerBackend(), ansatz([1, 2, 3, 4])

    def shots(**options: Any) -> int:
        return sum(backend.run(circuit, **options).result().get_counts().values())

    first = [shots(), shots(shots=7), shots()]
    backend.options.shots = 9
    second = [shots(), shots(shots=7)]
    backend.set_options(shots=11)

    assert [*first, *second, shots()] == [1024, 7, 1024, 9, 7, 11]
    with pytest.raises(InvalidInputError):
        backend.run(circuit, shots=True)


def test_a_value_that_only_equals_the_last_one_is_checked_again() -> None:
    backend, circuit = AerBackend(), ansatz([1, 2, 3, 4])
    backend.run(circuit, shots=1)

    for odd in (True, 1.0):
        with pytest.raises(InvalidInputError, match="'shots' must be an integer"):
            backend.run(circuit, shots=odd)


@pytest.mark.parametrize("tier", [None, *TIERS])
@pytest.mark.parametrize("method", ["automatic", "stabilizer", "matrix_product_state"])
def test_no_tier_runs_an_angle_that_is_not_finite(tier, method):
    circuit = QuantumCircuit(1, 1)
    circuit.rz(float("nan"), 0)
    circuit.measure(0, 0)
    good = QuantumCircuit(1, 1)
    good.measure(0, 0)
    refused = (InvalidCircuitError, UnsupportedOptionError) if tier else InvalidCircuitError

    with pytest.raises(refused, match=r"not finite|does not take|tier"):
        AerBackend(method=method, tier=tier).run([good, circuit])
