# SPDX-License-Identifier: Apache-2.0
"""Runs exactly one job; its channel is its only way home."""
