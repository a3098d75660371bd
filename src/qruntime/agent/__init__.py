# SPDX-License-Identifier: Apache-2.0
"""Runs workers on one machine: forks each from a warm process, limits it, and ends all of it."""
