# SPDX-License-Identifier: Apache-2.0
"""Names that NumPy dropped in 1.24 and 2.0, with what they meant."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def _alias(name: str) -> Callable[[], Any]:
    return lambda: getattr(np, name)


def _value(value: Any) -> Callable[[], Any]:
    return lambda: value


def _asscalar(array: Any) -> Any:
    return np.asarray(array).item()


def _asfarray(array: Any, dtype: Any = np.float64) -> Any:
    exact = np.issubdtype(np.dtype(dtype), np.inexact)
    return np.asarray(array, dtype=dtype if exact else np.float64)


NAMES: dict[str, Callable[[], Any]] = {
    **{kind.__name__: _value(kind) for kind in (int, float, complex, bool, object, str)},
    "Inf": _alias("inf"),
    "Infinity": _alias("inf"),
    "NINF": _value(-math.inf),
    "NaN": _alias("nan"),
    "PINF": _alias("inf"),
    "alltrue": _alias("all"),
    "asfarray": _value(_asfarray),
    "asscalar": _value(_asscalar),
    "cfloat": _alias("complex128"),
    "complex_": _alias("complex128"),
    "cumproduct": _alias("cumprod"),
    "float_": _alias("float64"),
    "in1d": _alias("isin"),
    "infty": _alias("inf"),
    "mat": _alias("asmatrix"),
    "math": _value(math),
    "product": _alias("prod"),
    "round_": _alias("round"),
    "row_stack": _alias("vstack"),
    "sometrue": _alias("any"),
    "string_": _alias("bytes_"),
    "trapz": _alias("trapezoid"),
    "unicode_": _alias("str_"),
}
"""What each name gives, looked up when it is used."""
