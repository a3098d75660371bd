# SPDX-License-Identifier: Apache-2.0
"""Environments of programs: what they declare, resolved, locked, and installed beside ours."""
