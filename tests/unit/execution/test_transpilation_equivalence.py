# SPDX-License-Identifier: Apache-2.0
"""What the cache serves is what Qiskit alone gives: the same unitary, layout and routing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import qiskit
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

sys.path.insert(0, str(Path(__file__).parent))

from transpile_strategies import (
    TARGETS,
    WIDTH,
    angles,
    build,
    count_angles,
    operator,
    outcomes,
    pairs,
    places,
    shapes,
)

from qruntime.execution.transpilation import TranspileCache

CLOSE = 2e-5  # Qiskit itself leaves out rotations that are smaller
CACHE = TranspileCache()  # one for all: what is served must not depend on what came before
LEVELS = st.integers(0, 3)
NAMES = st.sampled_from(sorted(TARGETS))


def series(data, shape):
    count = count_angles(shape)
    drawn = [data.draw(st.lists(angles, min_size=count, max_size=count)) for _ in range(2)]
    generic = np.random.default_rng(5).uniform(0.2, 0.7, (3, count))
    return [build(shape, list(map(float, values))) for values in [*generic, *drawn]]


@settings(max_examples=40)
@given(shape=shapes(), name=NAMES, level=LEVELS, seed=st.sampled_from([None, 3]), data=st.data())
def test_a_served_circuit_is_unitarily_the_one_that_was_asked_for(shape, name, level, seed, data):
    cache = CACHE
    for circuit in series(data, shape):
        served = cache.transpile(
            circuit, target=TARGETS[name], optimization_level=level, seed_transpiler=seed
        )

        np.testing.assert_allclose(operator(served, WIDTH), operator(circuit, WIDTH), atol=CLOSE)


@settings(max_examples=40)
@given(shape=shapes(), name=NAMES, level=LEVELS, seed=st.integers(0, 50), data=st.data())
def test_the_same_seed_gives_the_layout_and_routing_of_qiskit_alone(shape, name, level, seed, data):
    cache = CACHE
    options = {"optimization_level": level, "seed_transpiler": seed, "target": TARGETS[name]}
    for circuit in series(data, shape):
        served = cache.transpile(circuit, **options)
        alone = qiskit.transpile(circuit, **options)

        assert places(served) == places(alone)
        assert pairs(served) <= pairs(alone)


@settings(max_examples=40)
@given(shape=shapes(measured=True), name=NAMES, level=LEVELS, data=st.data())
def test_a_served_circuit_gives_the_same_outcomes(shape, name, level, data):
    cache = CACHE
    for circuit in series(data, shape)[:4]:
        served = cache.transpile(
            circuit, target=TARGETS[name], optimization_level=level, seed_transpiler=1
        )

        np.testing.assert_allclose(outcomes(served), outcomes(circuit), atol=CLOSE)


@settings(max_examples=25)
@given(shape=shapes(), level=LEVELS, name=NAMES, layout=st.permutations(range(WIDTH)))
def test_an_initial_layout_is_kept(shape, level, name, layout):
    cache = CACHE
    width = shape[0][1][0]
    options = {
        "target": TARGETS[name],
        "optimization_level": level,
        "seed_transpiler": 2,
        "initial_layout": layout[:width],
    }
    for offset in (0.2, 0.3, 0.4):
        circuit = build(shape, [offset + 0.01 * place for place in range(count_angles(shape))])
        served = cache.transpile(circuit, **options)

        assert places(served) == places(qiskit.transpile(circuit, **options))
        np.testing.assert_allclose(operator(served, WIDTH), operator(circuit, WIDTH), atol=CLOSE)


@settings(max_examples=25)
@given(shape=shapes(), level=LEVELS, name=NAMES)
def test_symbols_and_expressions_stay_free_and_are_bound_to_the_same_unitary(shape, level, name):
    cache = CACHE
    x, y = Parameter("x"), Parameter("y")
    count = count_angles(shape)
    circuit = build(shape, [(x, 2 * y + 0.1, x * y)[place % 3] for place in range(count)])
    values = {x: 0.37, y: 1.21}
    options = {"target": TARGETS[name], "optimization_level": level, "seed_transpiler": 4}
    for _ in range(2):
        served = cache.transpile(circuit, **options)

        assert served.parameters == qiskit.transpile(circuit, **options).parameters
        bound = served.assign_parameters(values, strict=False)
        meant = circuit.assign_parameters(values, strict=False)
        np.testing.assert_allclose(operator(bound, WIDTH), operator(meant, WIDTH), atol=CLOSE)


def _conditional(angle: float) -> QuantumCircuit:
    circuit = QuantumCircuit(3, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)) as otherwise:
        circuit.rx(angle, 1)
    with otherwise:
        circuit.ry(angle, 2)
    with circuit.for_loop(range(2)):
        circuit.rz(angle, 1)
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0):
            circuit.x(1)
        with case(case.DEFAULT):
            circuit.h(1)
    circuit.measure(1, 1)
    return circuit


@pytest.mark.parametrize("level", range(4))
def test_control_flow_is_served_as_qiskit_made_it(level):
    cache = CACHE
    options = {"basis_gates": ["rz", "sx", "x", "cx", "if_else", "for_loop", "switch_case"]}
    first = cache.transpile(_conditional(0.4), optimization_level=level, **options)
    circuit = _conditional(0.4).copy()
    kept = cache.transpile(circuit, optimization_level=level, **options)
    other = cache.transpile(_conditional(0.5), optimization_level=level, **options)

    assert kept == first == qiskit.transpile(circuit, optimization_level=level, **options)
    assert other == qiskit.transpile(_conditional(0.5), optimization_level=level, **options)
