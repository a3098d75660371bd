# SPDX-License-Identifier: Apache-2.0
"""Use cases: what a caller may ask of the runtime, as plain functions over the store."""
