# SPDX-License-Identifier: Apache-2.0
"""What the author of a program or of a device works with, and how a program is loaded."""
