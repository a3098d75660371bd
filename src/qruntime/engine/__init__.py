# SPDX-License-Identifier: Apache-2.0
"""What runs next, and where: claims queued jobs, launches them and watches them to their end."""
