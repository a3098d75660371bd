# SPDX-License-Identifier: Apache-2.0
"""The HTTP edge: requests into use cases, errors into problem documents, events into streams."""
