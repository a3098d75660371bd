# SPDX-License-Identifier: Apache-2.0
"""Programs that the benchmarks run on the runtime."""
