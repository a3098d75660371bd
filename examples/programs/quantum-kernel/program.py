# SPDX-License-Identifier: Apache-2.0
"""Quantum kernel: the overlaps |<phi(x)|phi(y)>|^2 of data points in a feature map."""

from __future__ import annotations

import numpy as np
from qiskit.circuit import ParameterVector
from qiskit.circuit.library import zz_feature_map
from qiskit.transpiler import generate_preset_pass_manager


def main(backend, user_messenger, *, data, feature_map=None, reps=2, shots=None, seed=None):
    """Return the kernel matrix of the rows of ``data``; each finished row is published.

    An entry is the share of shots in which preparing one point and undoing the other gives zeros.
    """
    points = np.asarray(data, dtype=float)
    count, features = points.shape
    if feature_map is None:
        feature_map = zz_feature_map(features, reps=reps)
    prepare = feature_map.assign_parameters(ParameterVector("x", features))
    undo = feature_map.assign_parameters(ParameterVector("y", features)).inverse()
    overlap = prepare.compose(undo)
    overlap.measure_all()
    circuit = generate_preset_pass_manager(1, backend, seed_transpiler=seed).run(overlap)

    shots = shots or backend.options.shots
    rng = np.random.default_rng(seed)
    kernel = np.eye(count)
    for row in range(count - 1):
        pairs = [np.concatenate([points[row], other]) for other in points[row + 1 :]]
        bound = [circuit.assign_parameters(pair) for pair in pairs]
        job = backend.run(bound, shots=shots, seed_simulator=int(rng.integers(2**31)))
        result = job.result()
        zeros = [result.get_counts(i).get("0" * overlap.num_qubits, 0) for i in range(len(bound))]
        kernel[row, row + 1 :] = kernel[row + 1 :, row] = np.array(zeros) / shots
        user_messenger.publish({"row": row, "values": kernel[row]})
    return {"kernel": kernel, "shots": shots}
