# SPDX-License-Identifier: Apache-2.0
"""Runs circuits of jobs on backends that need credentials, which the jobs' workers never see."""
