# SPDX-License-Identifier: Apache-2.0
"""Backends are found by name, in every installed package."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qiskit_aer import AerSimulator

from qruntime import AerBackend, ProgramBackend, ProviderBackend
from qruntime.backends import ibm_fake
from qruntime.backends.registry import BackendRegistry, Catalog, from_reference, installed
from qruntime.errors import BackendNotFoundError, InvalidInputError, MissingDependencyError

VENDOR = """
from __future__ import annotations
from dataclasses import dataclass
from qruntime import AerBackend, Catalog
from qiskit.providers.basic_provider import BasicSimulator

@dataclass
class Settings:
    shots: int = 77

def one():
    return AerBackend(shots=Settings().shots)

class Vendor(AerBackend):
    pass

def plain():
    return BasicSimulator()

def wrong():
    return "a backend"

def create(name):
    return AerBackend(shots=len(name))

catalog = Catalog(names=lambda: ["acme_a", "acme_b"], create=create)
NUMBER = 3
"""
ENTRY_POINTS = """
[qruntime.backends]
acme = acme_vendor:one
acme_plain = acme_vendor:plain
acme_wrong = acme_vendor:wrong
acme_broken = acme_vendor:missing
[qruntime.backend_catalogs]
acme_ = acme_vendor:catalog
odd_ = acme_vendor:NUMBER
gone_ = no_such_module:catalog
"""


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A vendor's package, installed."""
    (tmp_path / "acme_vendor.py").write_text(VENDOR)
    info = tmp_path / "acme_vendor-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-vendor\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("acme_vendor", None)


# Ours


@pytest.mark.parametrize("method", AerSimulator().available_methods())
def test_every_method_of_aer_has_a_name(method: str) -> None:
    name = "aer_simulator" if method == "automatic" else f"aer_simulator_{method}"

    backend = installed().create(name)

    assert isinstance(backend, AerBackend)
    assert backend.name() == name
    assert backend.options.method == method
    assert name in installed().names()


def test_ibms_fake_devices_have_their_names_and_their_noise() -> None:
    backend = installed().create("fake_manila")

    assert isinstance(backend, AerBackend)
    assert backend.name() == "fake_manila"
    assert backend.num_qubits == 5
    assert backend.options.noise_model is not None
    assert {"fake_manila", "fake_lima", "fake_sherbrooke"} <= set(installed().names())


def test_each_backend_is_new() -> None:
    registry = installed()

    registry.create("aer_simulator").set_options(shots=1)

    assert registry.create("aer_simulator").options.shots == 1024


def test_names_are_sorted_and_each_is_there_once() -> None:
    names = installed().names()

    assert names == sorted(set(names))


# Unknown names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("aer_simulater", "'aer_simulator'"),
        ("fake_manilla", "'fake_manila'"),
        ("aer_simulator_mps", "aer_simulator"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(BackendNotFoundError, match=f"no backend '{name}'; did you mean .*{hint}"):
        installed().create(name)


def test_a_name_like_no_other_is_refused_with_all_that_are_known() -> None:
    registry = BackendRegistry([Catalog(lambda: ["one", "two"], lambda name: AerBackend())])

    with pytest.raises(BackendNotFoundError, match="no backend 'xyzzy'; known: one, two"):
        registry.create("xyzzy")
    with pytest.raises(BackendNotFoundError, match="known: none"):
        BackendRegistry().create("xyzzy")


# Packages that are not there


def without(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str, *args: Any) -> Any:
        return None if name == module else real(name, *args)

    for target in ("qruntime.backends.ibm_fake", "qruntime.backends.aer_catalog"):
        monkeypatch.setattr(f"{target}.find_spec", find_spec)
    ibm_fake._classes.cache_clear()


def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without("qiskit_ibm_runtime", monkeypatch)

    with pytest.raises(MissingDependencyError, match=r"pip install 'qruntime\[ibm\]'"):
        installed().create("fake_manila")


def test_without_aer_its_names_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    without("qiskit_aer", monkeypatch)

    with pytest.raises(MissingDependencyError, match=r"pip install 'qruntime\[aer\]'"):
        installed().create("aer_simulator")


def test_the_backends_of_a_missing_extra_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    without("qiskit_ibm_runtime", monkeypatch)

    names = installed().names()

    assert "aer_simulator" in names
    assert not any(name.startswith("fake_") for name in names)


# Vendors' packages


def test_a_vendors_entry_point_is_a_backend(vendor: Path) -> None:
    backend = installed().create("acme")

    assert isinstance(backend, AerBackend)
    assert backend.options.shots == 77
    assert "acme" in installed().names()


def test_a_vendors_catalogue_is_many_backends(vendor: Path) -> None:
    registry = installed()

    assert registry.create("acme_b").options.shots == 6
    assert {"acme_a", "acme_b"} <= set(registry.names())


def test_a_vendors_backend_of_qiskit_2_is_wrapped(vendor: Path) -> None:
    backend = installed().create("acme_plain")

    assert isinstance(backend, ProviderBackend)
    assert backend.name() == "basic_simulator"


def test_an_entry_point_that_gives_no_backend_is_refused(vendor: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"entry point 'acme_wrong' .* gave a str"):
        installed().create("acme_wrong")


def test_a_broken_package_does_not_take_the_others_along(vendor: Path) -> None:
    registry = installed()

    assert {"acme", "aer_simulator", "fake_manila"} <= set(registry.names())
    with pytest.raises(MissingDependencyError, match=r"entry point 'gone_' .* cannot be loaded"):
        registry.create("gone_x")
    with pytest.raises(MissingDependencyError, match=r"'acme_broken' .* AttributeError"):
        registry.create("acme_broken")


def test_a_catalogue_entry_that_is_no_catalogue_is_named(vendor: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"'odd_' .* must be a Catalog, not a int"):
        installed().create("odd_x")


# References


@pytest.mark.parametrize("attribute", ["one", "Vendor", "plain"])
def test_a_module_and_a_class_name_a_backend(vendor: Path, attribute: str) -> None:
    assert isinstance(from_reference(f"acme_vendor:{attribute}"), ProgramBackend)


@pytest.mark.parametrize("attribute", ["one", "Vendor", "plain"])
def test_a_file_and_a_class_name_a_backend(vendor: Path, attribute: str) -> None:
    reference = f"{vendor / 'acme_vendor.py'}:{attribute}"

    assert isinstance(from_reference(reference), ProgramBackend)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("no_such_module:X", "ModuleNotFoundError"),
        ("no_such_file.py:X", "FileNotFoundError"),
        ("acme_vendor:Vendr", "has no class or function 'Vendr'; did you mean 'Vendor'"),
        ("acme_vendor:NUMBER", "has no class or function 'NUMBER'"),
        (":X", "ValueError"),
    ],
)
def test_a_reference_to_nothing_is_refused(vendor: Path, reference: str, message: str) -> None:
    with pytest.raises(BackendNotFoundError, match=message):
        from_reference(reference)


def test_a_file_that_fails_is_refused_with_its_own_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("1 / 0")

    with pytest.raises(BackendNotFoundError, match="ZeroDivisionError"):
        from_reference(f"{path}:X")


def test_references_are_taken_only_where_they_are_allowed(vendor: Path) -> None:
    with pytest.raises(BackendNotFoundError, match="no backend 'acme_vendor:Vendor'"):
        installed().create("acme_vendor:Vendor")

    registry = BackendRegistry(resolve=from_reference)

    assert type(registry.create("acme_vendor:Vendor")).__name__ == "Vendor"
