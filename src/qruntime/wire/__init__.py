# SPDX-License-Identifier: Apache-2.0
"""How values cross a process boundary: JSON, with a closed table of types for what JSON lacks."""

from __future__ import annotations

from qruntime.wire.codec import RuntimeDecoder, RuntimeEncoder, decode, encode, plain, plain_text

__all__ = ["RuntimeDecoder", "RuntimeEncoder", "decode", "encode", "plain", "plain_text"]
