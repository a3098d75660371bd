# SPDX-License-Identifier: Apache-2.0
"""Circuit executors behind ``ProgramBackend``, and the registry that finds them by name."""
