# SPDX-License-Identifier: Apache-2.0
"""The benchmark suite: ours and other simulators at the same work, beside the goals."""
