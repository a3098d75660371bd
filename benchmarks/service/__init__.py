# SPDX-License-Identifier: Apache-2.0
"""What the server costs: starts, jobs, a long queue, a stream that is cut, a loop inside a job."""
