# SPDX-License-Identifier: Apache-2.0
"""The benchmark suite: ours and other simulators at the same work, beside the goals.

``python -m benchmarks`` runs it. Where things are:

- ``families``: the work, circuits and observables
- ``peers/``: who does it, one file each
- ``workloads/``: what is measured, one file each; ``programs/`` are what they run on the runtime
- ``agreement``: the check that everybody does the same work
- ``measure``: how ways are timed in turns
- ``goals``: what is claimed, as data, and the verdict
- ``results``, ``machine``: the records, and the file ``results/latest.json``
- ``report``, ``picture``: the tables and the picture of the page Performance

``transpile`` stands alone: it compares the transpile cache with Qiskit on several devices.
"""
