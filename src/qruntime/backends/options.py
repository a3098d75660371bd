# SPDX-License-Identifier: Apache-2.0
"""Run options: each one is honoured, or refused with a reason; none is ignored."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from qruntime.errors import InvalidInputError, UnknownOptionError, UnsupportedOptionError, nearest

Check = Callable[[str, Any], Any]
"""Takes an option's name and value; returns the value to use, or raises."""

RECORDED = ("rep_delay", "init_qubits", "meas_return", "job_name", "job_tags", "max_credits")
"""Options without physical meaning on a simulator: checked, and kept in the result's metadata."""


def integer(low: int, high: int | None = None, *, optional: bool = False) -> Check:
    """Accept an integer in a range, and None where the option is ``optional``."""
    allowed = f">= {low}" if high is None else f"in {low}..{high}"

    def check(name: str, value: Any) -> int | None:
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise InvalidInputError(
                f"option '{name}' must be an integer {allowed}, not {value!r} "
                f"({type(value).__name__})"
            )
        number = int(value)
        if number < low or (high is not None and number > high):
            raise InvalidInputError(f"option '{name}' must be {allowed}, not {number}")
        return number

    return check


def real(low: float, *, optional: bool = False) -> Check:
    """Accept a number that is at least ``low``, and None where the option is ``optional``."""

    def check(name: str, value: Any) -> float | None:
        if value is None and optional:
            return None
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not is_number or not float(value) >= low:
            raise InvalidInputError(f"option '{name}' must be a number >= {low:g}, not {value!r}")
        return float(value)

    return check


def boolean(name: str, value: Any) -> bool:
    """Accept true or false; None is false, as in old programs."""
    if value is None:
        return False
    if not isinstance(value, bool | np.bool_):
        raise InvalidInputError(f"option '{name}' must be True or False, not {value!r}")
    return bool(value)


def one_of(*allowed: Any) -> Check:
    """Accept one of the values."""

    def check(name: str, value: Any) -> Any:
        if value not in allowed:
            listed = ", ".join(repr(item) for item in allowed)
            known = [item for item in allowed if isinstance(item, str)]
            hint = nearest(value, known) if isinstance(value, str) else ""
            raise InvalidInputError(f"option '{name}' must be one of {listed}, not {value!r}{hint}")
        return value

    return check


def only(value: Any, *, reason: str) -> Check:
    """Accept the one value that the backend can honour; refuse any other with the reason."""

    def check(name: str, given: Any) -> Any:
        if given is not None and given != value:
            raise UnsupportedOptionError(
                f"option '{name}={given!r}' cannot be honoured: {reason}; allowed: {value!r}"
            )
        return value

    return check


def anything(_name: str, value: Any) -> Any:
    """Accept every value."""
    return value


SIMULATOR_CHECKS: Mapping[str, Check] = {
    "memory": boolean,
    "seed_simulator": integer(0, 2**63 - 1, optional=True),
    "meas_level": only(2, reason="a simulator of circuits has no measurement signal below level 2"),
    "meas_return": one_of(None, "avg", "single"),
    "init_qubits": only(True, reason="a simulator starts every shot in the ground state"),
    "rep_delay": real(0, optional=True),
    "job_name": anything,
    "job_tags": anything,
    "max_credits": anything,
}
"""The options that programs of every generation pass, as a simulator takes them."""

SIMULATOR_DEFAULTS: Mapping[str, Any] = {
    "memory": False,
    "seed_simulator": None,
    "meas_level": 2,
    "meas_return": None,
    "init_qubits": True,
    "rep_delay": None,
    "job_name": None,
    "job_tags": None,
    "max_credits": None,
}

_NEEDS_PULSE = frozenset(
    {"meas_lo_freq", "qubit_lo_freq", "memory_slot_size", "schedule_los", "parametric_pulses"}
)


def check_known(given: Iterable[str], known: Iterable[str], *, backend: str) -> None:
    """Refuse options that the backend does not have.

    Raises:
        UnsupportedOptionError: an option of pulse-level control, which Qiskit 2 does not have.
        UnknownOptionError: any other unknown option; the message has the nearest names.
    """
    known = tuple(known)
    for name in given:
        if name in known:
            continue
        hint = nearest(name, known) or "; it has: " + ", ".join(sorted(known))
        if name in _NEEDS_PULSE:
            raise UnsupportedOptionError(
                f"option '{name}' cannot be honoured: it needs pulse-level control, which Qiskit 2 "
                "removed"
            )
        raise UnknownOptionError(f"backend '{backend}' has no option '{name}'{hint}")


def checked(fields: Mapping[str, Any], checks: Mapping[str, Check]) -> dict[str, Any]:
    """Return the fields with every value checked; if one is refused, nothing has changed."""
    return {name: checks.get(name, anything)(name, value) for name, value in fields.items()}


def given(run_config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a run without those that say nothing.

    Programs pass on inputs that nobody gave, such as ``shots=None``. None stands for "not given"
    where the default is a number, a text or a truth value; elsewhere it is a value, such as "no
    noise model".
    """
    return {
        name: value
        for name, value in run_config.items()
        if value is not None or not isinstance(defaults.get(name), bool | int | float | str)
    }


def timeout_or_none(value: Any) -> float | None:
    """Accept a positive number of seconds, or None for no limit.

    Raises:
        InvalidInputError: it is anything else.
    """
    if value is None:
        return None
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not float(value) > 0:
        raise InvalidInputError(f"timeout must be a number of seconds > 0, not {value!r}")
    return float(value)
