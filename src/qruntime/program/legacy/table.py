# SPDX-License-Identifier: Apache-2.0
"""The old import names: where each of them lives today, and which ones cannot be given."""

from __future__ import annotations

_SHIMS = "qruntime.program.legacy"

ALIASES = {
    "qiskit.algorithms": "qiskit_algorithms",
    "qiskit.circuit.library.evolved_operator_ansatz": (
        "qiskit.circuit.library.n_local.evolved_operator_ansatz"
    ),
    "qiskit.circuit.qpy_serialization": "qiskit.qpy",
    "qiskit.providers.aer": "qiskit_aer",
    "qiskit.providers.models": "qruntime.program.models",
    "qiskit.quantum_info.synthesis": "qiskit.synthesis",
    "qiskit.tools.visualization": "qiskit.visualization",
    "retworkx": "rustworkx",
}
"""Modules that moved, with all that is below them."""

_MESSENGER = {"UserMessenger": "qruntime.program.messenger:UserMessenger"}
_BACKEND = {"ProgramBackend": "qruntime.program.backend:ProgramBackend"}
_CODEC = {
    "RuntimeEncoder": "qruntime.wire:RuntimeEncoder",
    "RuntimeDecoder": "qruntime.wire:RuntimeDecoder",
}
_PROVIDER = {
    "Provider": "qruntime.program.provider:Provider",
    "ProviderV1": "qruntime.program.provider:ProviderV1",
}
_MODEL_ERRORS = {
    "BackendConfigurationError": "qruntime.program.models:BackendConfigurationError",
    "BackendPropertyError": "qruntime.program.models:BackendPropertyError",
}
_MODELS = (
    *("BackendConfiguration", "BackendProperties", "BackendStatus", "Command", "GateConfig"),
    *("GateProperties", "Nduv", "PulseBackendConfiguration", "QasmBackendConfiguration"),
    "UchannelLO",
)
_BASIC_AER = {"BasicAer": f"{_SHIMS}.functions:BASIC_AER"}
_EXTENSIONS = {
    **{
        name: f"qiskit.circuit.library:{name}"
        for name in (
            *("UnitaryGate", "HamiltonianGate", "Initialize", "Isometry", "DiagonalGate"),
            *("UCGate", "UCRXGate", "UCRYGate", "UCRZGate", "UCPauliRotGate"),
        )
    },
    "ExtensionError": "qiskit.circuit.exceptions:CircuitError",
}
_SYNTHESIS = {
    "OneQubitEulerDecomposer": "qiskit.synthesis:OneQubitEulerDecomposer",
    "TwoQubitBasisDecomposer": "qiskit.synthesis:TwoQubitBasisDecomposer",
    "XXDecomposer": "qiskit.synthesis:XXDecomposer",
    "two_qubit_cnot_decompose": "qiskit.synthesis:two_qubit_cnot_decompose",
}
_COMPILER = {
    "assemble": f"{_SHIMS}.functions:assemble",
    "schedule": f"{_SHIMS}.functions:schedule",
    "sequence": f"{_SHIMS}.functions:sequence",
}
_PROGRAM = {**_MESSENGER, **_BACKEND}
_MONITOR = {"job_monitor": f"{_SHIMS}.functions:job_monitor"}
_PARALLEL = {"parallel_map": "qiskit.utils:parallel_map"}
_IBMQ = {"IBMQ": f"{_SHIMS}.functions:IBMQ", "least_busy": f"{_SHIMS}.functions:least_busy"}

MODULES: dict[str, dict[str, str]] = {
    "qiskit.circuit.bit": {"Bit": "qiskit.circuit:Bit"},
    "qiskit.circuit.classicalregister": {
        "ClassicalRegister": "qiskit.circuit:ClassicalRegister",
        "Clbit": "qiskit.circuit:Clbit",
    },
    "qiskit.circuit.quantumregister": {
        name: f"qiskit.circuit:{name}"
        for name in ("AncillaQubit", "AncillaRegister", "QuantumRegister", "Qubit")
    },
    "qiskit.circuit.register": {"Register": "qiskit.circuit:Register"},
    "qiskit.compiler.assembler": {"assemble": _COMPILER["assemble"]},
    "qiskit.compiler.scheduler": {"schedule": _COMPILER["schedule"]},
    "qiskit.execute_function": {"execute": f"{_SHIMS}.execute:execute"},
    "qiskit.extensions": _EXTENSIONS,
    "qiskit.extensions.hamiltonian_gate": _EXTENSIONS,
    "qiskit.extensions.quantum_initializer": _EXTENSIONS,
    "qiskit.extensions.unitary": _EXTENSIONS,
    "qiskit.providers.basicaer": _BASIC_AER,
    "qiskit.providers.ibmq": _IBMQ,
    "qiskit.providers.ibmq.job": _MONITOR,
    "qiskit.providers.ibmq.runtime": {**_PROGRAM, **_CODEC},
    "qiskit.providers.ibmq.runtime.program": _PROGRAM,
    "qiskit.providers.ibmq.runtime.program.program_backend": _BACKEND,
    "qiskit.providers.ibmq.runtime.program.user_messenger": _MESSENGER,
    "qiskit.providers.ibmq.runtime.utils": _CODEC,
    "qiskit.providers.models.backendconfiguration": {
        name: f"qruntime.program.models:{name}" for name in _MODELS
    },
    "qiskit.providers.models.backendproperties": {
        name: f"qruntime.program.models:{name}" for name in _MODELS
    },
    "qiskit.providers.models.backendstatus": {
        "BackendStatus": "qruntime.program.models:BackendStatus"
    },
    "qiskit.providers.provider": _PROVIDER,
    "qiskit.test": {},
    "qiskit.test.mock": {},
    "qiskit.tools": {**_MONITOR, **_PARALLEL},
    "qiskit.tools.monitor": _MONITOR,
    "qiskit.tools.monitor.job_monitor": _MONITOR,
    "qiskit.tools.parallel": _PARALLEL,
    "qiskit_ibm_runtime.program": _PROGRAM,
    "qiskit_ibm_runtime.program.program_backend": _BACKEND,
    "qiskit_ibm_runtime.program.user_messenger": _MESSENGER,
    "qiskit_ibm_runtime.utils.json": _CODEC,
}
"""Modules that no longer exist, and where what they held is found: ``module:name``."""

ADDED: dict[str, dict[str, str]] = {
    "numpy": {},
    "qiskit": {
        "Aer": f"{_SHIMS}.functions:AER",
        **_BASIC_AER,
        "IBMQ": _IBMQ["IBMQ"],
        "__qiskit_version__": f"{_SHIMS}.functions:QISKIT_VERSION",
        "execute": f"{_SHIMS}.execute:execute",
        "assemble": _COMPILER["assemble"],
        "schedule": _COMPILER["schedule"],
        "sequence": _COMPILER["sequence"],
    },
    "qiskit.compiler": _COMPILER,
    "qiskit.providers": {
        "BackendV1": "qruntime.program.backend:BackendV1",
        **_BASIC_AER,
        **_MODEL_ERRORS,
        **_PROVIDER,
    },
    "qiskit.providers.backend": {
        "BackendV1": "qruntime.program.backend:BackendV1",
        "BackendStatus": "qruntime.program.models:BackendStatus",
        "Provider": _PROVIDER["Provider"],
    },
    "qiskit.providers.exceptions": _MODEL_ERRORS,
    "qiskit.qasm": {"pi": "math:pi"},
    "qiskit.quantum_info": _SYNTHESIS,
    "qiskit.utils": {
        "algorithm_globals": f"{_SHIMS}.functions:ALGORITHM_GLOBALS",
        "has_aer": f"{_SHIMS}.functions:has_aer",
    },
    "qiskit_ibm_runtime": _CODEC,
    "qiskit_ibm_runtime.utils": _CODEC,
}
"""Names that are gone from modules that still exist."""

FALLBACKS = {
    "qiskit.providers.fake_provider": "qiskit_ibm_runtime.fake_provider",
    "qiskit.test.mock": "qiskit_ibm_runtime.fake_provider",
}
"""Modules whose missing names are looked for in another one."""

SHADOWED = "qiskit.circuit.library"
"""Below this, functions now hide the modules of their own name."""

PASSED_THROUGH = frozenset({"numpy"})
"""Overlaid only for ``from ... import`` of a missing name: a plain import gives the real module."""

_OLD_STACK = (
    "it left Qiskit and cannot be replaced here: run the program on a worker image with an old "
    "stack (RuntimeOptions.image)"
)
_CLIENT_SIDE = (
    "it belongs to the side of the user; a program runs on the other side and has no use for it"
)

_LEFT = (
    *("qiskit.aqua", "qiskit.ignis", "qiskit.opflow", "qiskit.pulse", "qiskit.qobj"),
    *("qiskit.scheduler", "qiskit.assembler", "qiskit.validation", "qiskit.chemistry"),
    *("qiskit.utils.QuantumInstance", "qiskit.utils.quantum_instance"),
    *("qiskit.utils.mitigation", "qiskit.providers.models.PulseDefaults"),
    *("qiskit.quantum_info.PauliTable", "qiskit.quantum_info.StabilizerTable"),
    *("qiskit.extensions.Snapshot", "qiskit.extensions.simulator"),
    *("qiskit.extensions.SingleQubitUnitary", "qiskit.visualization.pulse_drawer"),
    *("qiskit.algorithms.HHL", "qiskit.algorithms.Shor"),
    *("qiskit.algorithms.linear_solvers", "qiskit.algorithms.factorizers"),
    *("qiskit.providers.aer.PulseSimulator", "qiskit.providers.aer.pulse"),
    *("qiskit.providers.aer.extensions", "qiskit.providers.ibmq.managed"),
)

REFUSED = {
    **dict.fromkeys(_LEFT, _OLD_STACK),
    **{
        f"{module}.{name}": _CLIENT_SIDE
        for module in ("qiskit.providers.ibmq.runtime", "qiskit_ibm_runtime.program")
        for name in (
            *("IBMRuntimeService", "ParameterNamespace", "ResultDecoder", "RuntimeJob"),
            *("RuntimeOptions", "RuntimeProgram"),
        )
    },
}
"""Modules and names that cannot be given, with the reason."""

EXTRAS = {
    "qiskit_aer": "aer",
    "qiskit_algorithms": "algorithms",
    "qiskit_ibm_runtime": "ibm",
}
"""Packages of others behind the old names, and the extra of qruntime that installs each."""

ROOTS = frozenset({"numpy", "qiskit", "qiskit_ibm_runtime", "retworkx"})
"""The packages in which old names are looked for."""
