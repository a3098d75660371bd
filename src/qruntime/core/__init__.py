# SPDX-License-Identifier: Apache-2.0
"""The nouns of the runtime, in plain Python: no Qiskit, no database, no web."""
