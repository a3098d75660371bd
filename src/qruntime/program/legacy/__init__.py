# SPDX-License-Identifier: Apache-2.0
"""What programs of 2021-2023 expect of Qiskit and its libraries, given to such programs alone."""
