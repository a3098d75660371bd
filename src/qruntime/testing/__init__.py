# SPDX-License-Identifier: Apache-2.0
"""Stand-ins that ship: what a test, or a first try, needs in place of the real thing."""
