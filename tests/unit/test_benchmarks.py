# SPDX-License-Identifier: Apache-2.0
"""The benchmark suite: it measures equal work, judges by its own rules, and the page says so."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from benchmarks import peers, picture, report
from benchmarks.agreement import DisagreementError, check_counts, exact_probabilities
from benchmarks.families import FAMILIES, Energy, hea
from benchmarks.goals import CLAIMS, Case, Claim, judge
from benchmarks.measure import Plan, interleave
from benchmarks.results import LATEST, Cell, Figure, Results, Spread, Way, load
from benchmarks.workloads.clops import next_rows
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector

ROOT = Path(__file__).parents[2]


def same(value):
    return Spread(value, value, value)


def results_with(cells=(), ways=None):
    return Results({}, ways or {}, list(cells))


def test_the_page_says_what_the_results_say():
    text = report.PAGE.read_text()

    assert report.page(text, load()) == text


def test_the_page_has_a_place_for_every_table():
    text = report.PAGE.read_text()

    assert [name for name in report.BLOCKS if f"<!-- figures: {name} -->" not in text] == []


def test_the_picture_is_drawn_from_the_results():
    assert picture.draw(load()) == report.PICTURE.read_text()


def test_the_picture_is_svg_that_names_every_line():
    found = load()
    texts = [element.text or "" for element in ET.fromstring(report.PICTURE.read_text()).iter()]

    shown = [name for cell in found.of("sampling", "hea") for name in cell.ways]
    assert [name for name in shown if not any(found.ways[name].title in t for t in texts)] == []


def test_results_come_back_from_their_file(tmp_path):
    way = Figure(Spread(1.0, 2.0, 3.0), same(1.0), 15)
    cell = Cell("sampling", "hea", 4, {"ours": way}, {"layers": same(4.0)})
    found = Results({"date": "today"}, {"ours": Way("qruntime", "complex128")}, [cell])
    found.save(tmp_path / "found.json")

    assert load(tmp_path / "found.json") == found


def claim_on(values, *, threshold, at_least):
    cases = [Case(f"case {value}", same(value)) for value in values]
    return Claim("id", "goal", "text", threshold, lambda _: cases, at_least)


@pytest.mark.parametrize(
    ("values", "threshold", "at_least", "holds", "worst"),
    [
        ([50.0, 70.0], 50, True, True, 50.0),
        ([49.9, 70.0], 50, True, False, 49.9),
        ([1.1, 1.2], 1.2, False, True, 1.2),
        ([1.1, 1.3], 1.2, False, False, 1.3),
        ([], 1.2, False, None, None),
    ],
)
def test_a_goal_holds_if_every_case_keeps_it(values, threshold, at_least, holds, worst):
    verdict = judge(claim_on(values, threshold=threshold, at_least=at_least), results_with())

    assert verdict.holds is holds
    assert (verdict.worst.value.middle if verdict.worst else None) == worst


def test_claims_have_names_of_their_own():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


def test_a_full_run_leaves_no_goal_without_a_figure():
    found = load()

    assert [claim.id for claim in CLAIMS if judge(claim, found).holds is None] == []


def test_a_goal_that_does_not_hold_is_named_on_the_page():
    way = Figure(same(10.0), same(3.0), 15)
    text = report.broken(results_with([Cell("sampling", "qaoa", 20, {"qulacs": way})]))
    assert "qulacs, n = 20" not in text

    slow = Figure(same(10.0), same(0.5), 15)
    text = report.broken(results_with([Cell("sampling", "qaoa", 20, {"qsim": slow})]))
    assert "qsim, n = 20: 1 of 1 cases miss it" in text
    assert "single precision" in text


def test_fewer_rounds_are_said():
    few = Figure(same(10.0), same(3.0), 5)
    ours = Figure(same(10.0), same(1.0), 15)
    ways = {"ours": Way("qruntime", "complex128"), "naive": Way("naive Aer", "complex128")}
    cell = Cell("vqe", "energy", 4, {"ours": ours, "naive": few})

    assert "5 r" in report.compared(results_with([cell], ways), "vqe")


def test_single_precision_is_said():
    ways = {"ours": Way("qruntime", "complex128"), "qsim": Way("qsim", "complex64")}
    figures = {name: Figure(same(10.0), same(1.0), 15) for name in ways}

    table = report.compared(results_with([Cell("vqe", "energy", 4, figures)], ways), "vqe")
    assert "qsim (complex64)" in table


def test_a_peer_that_is_not_installed_is_named(monkeypatch):
    real = importlib.import_module

    def without_qulacs(name):
        if name.endswith("qulacs_peer"):
            raise ModuleNotFoundError("No module named 'qulacs'", name="qulacs")
        return real(name)

    monkeypatch.setattr(peers, "FILES", {"ours": "qruntime", "qulacs_peer": "qulacs"})
    monkeypatch.setattr(peers.importlib, "import_module", without_qulacs)
    found, missing = peers.load()

    assert [peer.name for peer in found] == ["ours"]
    assert "No module named 'qulacs'" in missing["qulacs"]


def bell_like():
    circuit = QuantumCircuit(3)
    circuit.ry(0.4, 0)
    circuit.ry(1.1, 1)
    circuit.cx(1, 2)
    return circuit


def sampled(circuit):
    return Statevector(circuit).sample_counts(4096)


def test_right_counts_agree():
    check_counts("right", sampled(bell_like()), exact_probabilities(bell_like(), []))


@pytest.mark.parametrize(
    "change",
    [
        lambda counts: {key[::-1]: number for key, number in counts.items()},
        lambda counts: {"000": 4096},
        lambda counts: dict.fromkeys(map("".join, itertools.product("01", repeat=3)), 512),
        lambda counts: {**counts, "100": 200},
    ],
    ids=["bits the other way round", "one outcome", "uniform", "an impossible outcome"],
)
def test_other_work_is_found_out(change):
    with pytest.raises(DisagreementError):
        check_counts("wrong", change(sampled(bell_like())), exact_probabilities(bell_like(), []))


@pytest.mark.parametrize("family", FAMILIES)
def test_another_value_of_any_parameter_is_another_distribution(family):
    circuit = FAMILIES[family](4)
    generator = np.random.default_rng(3)
    rows = generator.uniform(-3, 3, (2, circuit.num_parameters))
    first, second = (exact_probabilities(circuit, row) for row in rows)

    assert np.abs(first - second).sum() > 0.1


def test_the_hamiltonian_has_99_terms_in_28_bases_that_give_its_energy():
    energy, ansatz = Energy(), hea(4)
    row = np.random.default_rng(5).uniform(-3, 3, ansatz.num_parameters)
    exact = (
        Statevector(ansatz.assign_parameters(row))
        .expectation_value(SparsePauliOp.from_list(list(energy.terms.items())))
        .real
    )
    found = []
    for circuit in energy.circuits(ansatz):
        bare = circuit.remove_final_measurements(inplace=False)
        values = exact_probabilities(bare, row)
        found.append({f"{key:04b}": value for key, value in enumerate(values)})

    assert (len(energy.terms), len(energy.groups)) == (99, 28)
    assert energy.of(found) == pytest.approx(exact, abs=1e-12)


def test_the_next_parameters_follow_from_the_last_counts():
    first = next_rows(3, [{"00": 5}, {"01": 7}])
    again = next_rows(3, [{"00": 5}, {"01": 7}])
    other = next_rows(3, [{"00": 5}, {"01": 8}])

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def recorded(name, seconds, turns):
    def burst(repeats):
        turns.append(name)
        return seconds

    return burst


def test_ways_take_turns_in_a_rotating_order():
    turns: list[str] = []
    ways = {name: recorded(name, 1.0, turns) for name in ("ours", "a", "b")}
    interleave(ways, Plan(rounds=3, fewest=3, burst_seconds=0.1, seconds=9.0))

    assert turns[-9:] == ["ours", "a", "b", "a", "b", "ours", "b", "ours", "a"]


def test_a_slow_way_has_fewer_rounds_and_its_own_ratios():
    ways = {"ours": recorded("ours", 0.1, []), "slow": recorded("slow", 1.0, [])}
    found = interleave(ways, Plan(rounds=15, fewest=3, burst_seconds=0.1, seconds=5.0))

    assert (found["ours"].rounds, found["slow"].rounds) == (15, 5)
    assert found["slow"].times_ours == same(pytest.approx(10.0))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_quick_suite_runs_and_writes_its_results(tmp_path):
    output = tmp_path / "quick.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--output", str(output)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert "== goals ==" in done.stdout
    measured = {cell["workload"] for cell in json.loads(output.read_text())["cells"]}
    assert measured == {cell.workload for cell in load(LATEST).cells}
