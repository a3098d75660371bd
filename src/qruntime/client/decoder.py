# SPDX-License-Identifier: Apache-2.0
"""``ResultDecoder``: how the text of a result becomes a value."""

from __future__ import annotations

import json
from typing import Any

from qruntime.errors import UndecodableError
from qruntime.wire import RuntimeDecoder


class ResultDecoder:
    """Decodes results. For a program that returns something of its own, make a subclass."""

    @classmethod
    def decode(cls, data: str) -> Any:
        """Return the value that the text stands for; text that is not JSON is returned as it is.

        Raises:
            UndecodableError: it is JSON that holds a broken value or one of an unknown type.
        """
        try:
            return json.loads(data, cls=RuntimeDecoder)
        except UndecodableError as error:
            if isinstance(error.__cause__, json.JSONDecodeError):
                return data
            raise
