# SPDX-License-Identifier: Apache-2.0
"""Programs in the style of 2021-2023 run on today's Qiskit, and nobody else sees how."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
import qiskit
from qiskit import QuantumCircuit

from qruntime.core.programs import ProgramSource
from qruntime.errors import (
    InvalidProgramError,
)
from qruntime.program.legacy import overlay, table
from qruntime.program.loader import load_program


@pytest.fixture
def run(tmp_path):
    """Run a program: statements of import, then the body of its main."""

    def run_program(imports, body="return None", backend=None, **inputs):
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        text = f"{imports}\ndef main(backend, user_messenger, **inputs):\n{lines}"
        source = ProgramSource({"program.py": text.encode()}, "program.py")
        return load_program(source, tmp_path).main(backend, None, **inputs)

    return run_program


@pytest.fixture
def aer():
    return pytest.importorskip("qiskit_aer").AerSimulator(seed_simulator=3)


def test_a_variational_program_of_2021_runs(run, aer):
    pytest.importorskip("qiskit_algorithms")
    imports = """
import numpy as np
from qiskit import QuantumCircuit, execute
from qiskit.algorithms.optimizers import COBYLA
from qiskit.circuit import ParameterVector
from qiskit.providers.ibmq.runtime import UserMessenger, ProgramBackend
from qiskit.tools.monitor import job_monitor

def ansatz(angles):
    circuit = QuantumCircuit(2, 2)
    circuit.u3(angles[0], 0, 0, 0)
    circuit.cnot(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit
"""
    body = """
angles = ParameterVector("t", 1)
circuit = ansatz(angles)
def energy(point):
    job = execute(circuit.bind_parameters(point), backend, shots=200)
    job_monitor(job, quiet=True)
    counts = job.result().get_counts()
    return np.float(counts.get("00", 0) - counts.get("11", 0)) / 200
point, value, calls = COBYLA(maxiter=15).optimize(1, energy, initial_point=np.array([0.5]))
return value, calls
"""

    value, calls = run(imports, body, aer)

    assert value < -0.9
    assert 1 < calls <= 20


def test_a_conditional_program_of_2021_runs(run, aer):
    imports = (
        "from qiskit import *\nfrom qiskit.circuit.quantumregister import QuantumRegister as Q"
    )
    body = """
q, c, d = Q(2, "q"), ClassicalRegister(2, "c"), ClassicalRegister(1, "d")
circuit = QuantumCircuit(q, c, d)
circuit.x(q[0])
circuit.measure(q, c)
circuit.x(q[1]).c_if(c, 1)
circuit.x(q[0]).c_if(c, 2)
circuit.measure(q[1], d[0])
return execute(circuit, backend, shots=10).result().get_counts()
"""

    assert run(imports, body, aer) == {"1 01": 10}


@pytest.mark.filterwarnings("ignore:The class:DeprecationWarning")
def test_a_sampling_program_of_2022_runs(run):
    pytest.importorskip("qiskit_aer")
    imports = """
import qiskit
import qiskit.providers.aer as aer
from qiskit.providers.aer.noise import NoiseModel, depolarizing_error
from qiskit.circuit.library import n_local, RealAmplitudes
"""
    body = """
noise = NoiseModel()
noise.add_all_qubit_quantum_error(depolarizing_error(0.0, 1), ["x"])
circuit = qiskit.QuantumCircuit(1)
circuit.i(0)
circuit.x(0)
circuit.measure_all()
one = qiskit.execute(circuit, qiskit.Aer.get_backend("qasm_simulator"), shots=7)
two = qiskit.execute([circuit], aer.AerSimulator(noise_model=noise), shots=9, memory=True)
return one.result().get_counts(), two.result().get_memory(0)[0], n_local.TwoLocal(2).num_qubits
"""

    assert run(imports, body) == ({"1": 7}, "1", 2)


OLD_IMPORTS = [
    "from qiskit import Aer, BasicAer, IBMQ, execute, assemble, schedule, sequence",
    "from qiskit.providers.ibmq import least_busy, IBMQ",
    "from qiskit.providers.ibmq.runtime import UserMessenger, ProgramBackend",
    "from qiskit.providers.ibmq.runtime import RuntimeEncoder, RuntimeDecoder",
    "from qiskit.providers.ibmq.runtime.utils import RuntimeEncoder, RuntimeDecoder",
    "from qiskit.providers.ibmq.runtime.program.user_messenger import UserMessenger",
    "from qiskit.providers.ibmq.runtime.program.program_backend import ProgramBackend",
    "from qiskit.providers.ibmq.job import job_monitor",
    "import qiskit.providers.ibmq.runtime as runtime; runtime.UserMessenger",
    "import qiskit.providers.ibmq.runtime; qiskit.providers.ibmq.runtime.UserMessenger",
    "from qiskit_ibm_runtime.program import UserMessenger, ProgramBackend",
    "from qiskit_ibm_runtime.program.user_messenger import UserMessenger",
    "from qiskit_ibm_runtime.utils.json import RuntimeEncoder",
    "from qiskit.providers import BackendV1, Provider, ProviderV1, BackendV2, JobStatus, Options",
    "from qiskit.providers.backend import BackendV1, BackendV2",
    "from qiskit.providers.provider import Provider, ProviderV1",
    "from qiskit.providers import BackendPropertyError, BackendConfigurationError",
    "from qiskit.providers.models import BackendConfiguration, BackendProperties, GateConfig",
    "from qiskit.providers.models import QasmBackendConfiguration, BackendStatus",
    "from qiskit.providers.models.backendproperties import BackendProperties, Nduv",
    "from qiskit.providers.models.backendconfiguration import GateConfig",
    "from qiskit.compiler import transpile, assemble, schedule, sequence",
    "from qiskit.execute_function import execute",
    "from qiskit.circuit.library.n_local import TwoLocal, EfficientSU2, n_local",
    "from qiskit.circuit.library.n_local.two_local import TwoLocal",
    "import qiskit.circuit.library.n_local as n; n.RealAmplitudes; n(2, 'ry', 'cx')",
    "from qiskit.circuit.quantumregister import QuantumRegister, Qubit, AncillaRegister",
    "from qiskit.circuit.classicalregister import ClassicalRegister, Clbit",
    "from qiskit.circuit.register import Register",
    "from qiskit.extensions import UnitaryGate, Initialize, HamiltonianGate",
    "from qiskit.extensions.unitary import UnitaryGate",
    "from qiskit.extensions.quantum_initializer import UCGate",
    "from qiskit.tools import job_monitor, parallel_map",
    "from qiskit.tools.monitor import job_monitor",
    "from qiskit.tools.parallel import parallel_map",
    "from qiskit.tools.visualization import plot_histogram, circuit_drawer",
    "from qiskit.quantum_info import OneQubitEulerDecomposer, TwoQubitBasisDecomposer",
    "from qiskit.quantum_info.synthesis import OneQubitEulerDecomposer",
    "from qiskit.utils import algorithm_globals, has_aer, parallel_map",
    "from qiskit.qasm import pi",
    "from qiskit.circuit.qpy_serialization import dump, load",
    "from qiskit.providers.basicaer import BasicAer",
    "import retworkx; retworkx.PyGraph()",
    "import retworkx as rx; rx.PyDiGraph()",
    "from retworkx import PyGraph",
    "from retworkx.visualization import mpl_draw",
    "from numpy import product, in1d, float_, NaN",
    "import numpy.linalg as la; la.norm([3, 4])",
    "import numpy.random, numpy as np; np.random.default_rng()",
    "import qiskit; qiskit.Aer; qiskit.execute; qiskit.transpile; qiskit.__qiskit_version__",
    "import qiskit; qiskit.__version__; qiskit.QuantumCircuit; qiskit.circuit.library.XGate",
    "from qiskit import circuit, quantum_info, QuantumCircuit",
    "import qiskit.quantum_info as qi; qi.Statevector",
    "import qiskit.transpiler.passes as p; p.Optimize1qGates",
    "from qiskit import *; QuantumCircuit, execute, Aer, IBMQ, BasicAer, transpile, schedule",
]


@pytest.mark.parametrize("statement", OLD_IMPORTS)
def test_an_old_import_works(statement, run):
    run(statement)


@pytest.mark.parametrize(
    ("package", "statement"),
    [
        (
            "qiskit_aer",
            "from qiskit.providers.aer import AerSimulator, QasmSimulator, Aer, AerError",
        ),
        ("qiskit_aer", "from qiskit.providers.aer.noise.errors import depolarizing_error"),
        ("qiskit_aer", "import qiskit.providers.aer.noise as noise; noise.NoiseModel()"),
        ("qiskit_aer", "import qiskit; qiskit.providers.aer.AerSimulator()"),
        ("qiskit_algorithms", "from qiskit.algorithms import VQE, QAOA, NumPyMinimumEigensolver"),
        ("qiskit_algorithms", "from qiskit.algorithms.optimizers import SPSA, COBYLA"),
        ("qiskit_ibm_runtime", "from qiskit.test.mock import FakeVigo, FakeManila"),
        (
            "qiskit_ibm_runtime",
            "from qiskit.providers.fake_provider import FakeLima, FakeNairobiV2",
        ),
        ("qiskit_ibm_runtime", "from qiskit.providers.fake_provider import GenericBackendV2"),
        ("qiskit_ibm_runtime", "from qiskit_ibm_runtime import RuntimeEncoder, RuntimeDecoder"),
    ],
)
def test_an_old_import_of_an_optional_package_works(package, statement, run):
    pytest.importorskip(package)

    run(statement)


@pytest.mark.parametrize("name", sorted({**table.MODULES, **table.ADDED}))
def test_everything_in_the_table_leads_somewhere(name):
    for attribute, place in {**table.MODULES.get(name, {}), **table.ADDED.get(name, {})}.items():
        assert overlay.resolve(place, f"{name}.{attribute}") is not None


def test_old_names_of_classes_are_those_of_the_runtime(run):
    from qruntime.program.backend import BackendV1, ProgramBackend
    from qruntime.program.messenger import UserMessenger

    found = run(
        "from qiskit.providers.ibmq.runtime import UserMessenger, ProgramBackend\n"
        "from qiskit.providers import BackendV1\nimport qiskit.providers",
        "return UserMessenger, ProgramBackend, BackendV1, qiskit.providers.BackendV1",
    )

    assert found == (UserMessenger, ProgramBackend, BackendV1, BackendV1)


GONE = [
    "from qiskit.opflow import X",
    "import qiskit.opflow",
    "from qiskit import opflow",
    "from qiskit.utils import QuantumInstance",
    "from qiskit.ignis.mitigation import CompleteMeasFitter",
    "import qiskit.ignis.mitigation as m",
    "from qiskit.aqua.algorithms import VQE",
    "from qiskit import pulse",
    "import qiskit.pulse as pulse",
    "from qiskit.qobj import PulseQobj",
    "from qiskit.algorithms.linear_solvers import HHL",
]


@pytest.mark.parametrize("statement", GONE)
def test_a_package_that_is_gone_is_named_with_the_way_out(statement, run):
    with pytest.raises(InvalidProgramError) as caught:
        run(statement)

    assert "no 'qiskit." in str(caught.value)
    assert "worker image with an old stack (RuntimeOptions.image)" in str(caught.value)


def test_a_program_may_try_an_old_package_and_do_without(run):
    imports = "try:\n    from qiskit.opflow import X\nexcept ImportError:\n    X = None"

    assert run(imports, "return X") is None


@pytest.mark.parametrize("name", ["ResultDecoder", "RuntimeJob"])
def test_names_of_the_users_side_are_refused_as_such(name, run):
    with pytest.raises(InvalidProgramError, match="belongs to the side of the user"):
        run(f"from qiskit.providers.ibmq.runtime import {name}")


def test_a_name_that_never_was_is_an_ordinary_import_error(run):
    with pytest.raises(InvalidProgramError, match="cannot import name 'nonsense' from 'qiskit'"):
        run("from qiskit import nonsense")


def test_an_attribute_that_is_gone_says_why(run):
    with pytest.raises(AttributeError, match="no attribute 'pulse': it left Qiskit"):
        run("import qiskit", "qiskit.pulse")


def test_feature_detection_of_a_program_sees_what_is_gone(run):
    found = run("import qiskit", "return [hasattr(qiskit, n) for n in ('pulse', 'Aer', 'nothing')]")

    assert found == [False, True, False]


class Without:
    """An import finder that knows that a package is not installed."""

    def __init__(self, package):
        self._package = package

    def find_spec(self, name, path=None, target=None):
        if name == self._package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(
    ("statement", "package", "extra"),
    [
        ("from qiskit.algorithms import VQE", "qiskit_algorithms", "algorithms"),
        ("import qiskit.providers.aer", "qiskit_aer", "aer"),
        ("from qiskit.test.mock import FakeVigo", "qiskit_ibm_runtime", "ibm"),
        ("from qiskit_ibm_runtime import Session", "qiskit_ibm_runtime", "ibm"),
    ],
)
def test_a_missing_extra_is_named(statement, package, extra, run, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Without(package), *sys.meta_path])

    with pytest.raises(InvalidProgramError, match=rf"pip install 'qruntime\[{extra}\]'"):
        run(statement)


def test_the_codec_needs_no_ibm_package(run, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("qiskit_ibm_runtime")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Without("qiskit_ibm_runtime"), *sys.meta_path])

    run("from qiskit_ibm_runtime import RuntimeEncoder, RuntimeDecoder")


def test_nothing_leaks_out_of_an_old_program(run):
    before = set(sys.modules)
    names = {name: set(vars(importlib.import_module(name))) for name in ("qiskit", "numpy")}

    run(
        "import qiskit, numpy as np\nfrom qiskit.providers.ibmq.runtime import UserMessenger\n"
        "import retworkx\nfrom qiskit.circuit.quantumregister import Qubit\n"
        "from qiskit.extensions import UnitaryGate\nqiskit.mine = 1\nqiskit.execute",
        "qiskit.QuantumCircuit(1).i(0)\nreturn np.float(1)",
    )

    gone = {*table.MODULES, *table.ALIASES, "program"}
    assert not gone & (set(sys.modules) - before)
    assert not hasattr(QuantumCircuit, "bind_parameters")
    assert not hasattr(QuantumCircuit, "i")
    assert not {"Aer", "execute", "mine"} & set(vars(qiskit))
    assert set(vars(np)) - names["numpy"] == set()
    for name in ("qiskit.Aer", "qiskit.providers.ibmq", "retworkx", "qiskit.extensions"):
        with pytest.raises(ImportError):
            importlib.import_module(name)


def test_libraries_that_look_for_old_names_do_not_find_them(tmp_path, run, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "detecting_library.py").write_text(
        "try:\n    from qiskit.providers.ibmq import least_busy\n    old = True\n"
        "except ImportError:\n    old = False\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "detecting_library", raising=False)

    imports = "from qiskit.providers.ibmq import least_busy\nimport detecting_library"
    assert run(imports, "return detecting_library.old") is False


def test_what_one_program_sets_on_a_module_no_other_sees(run):
    run("import qiskit\nqiskit.mine = 1")

    assert run("import qiskit", "return hasattr(qiskit, 'mine')") is False
