# SPDX-License-Identifier: Apache-2.0
"""The user's side: upload programs, run them, follow the jobs."""
