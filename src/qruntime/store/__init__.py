# SPDX-License-Identifier: Apache-2.0
"""The record of truth: programs, jobs, and what happened to each job."""
