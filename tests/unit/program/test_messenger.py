# SPDX-License-Identifier: Apache-2.0
"""``UserMessenger`` sends what a program publishes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from qruntime import NotSerializableError, RuntimeEncoder, UserMessenger


class Sent(list[tuple[str, bool]]):
    def __call__(self, text: str, final: bool) -> None:
        self.append((text, final))


def test_messages_are_interim_unless_final() -> None:
    sent = Sent()
    messenger = UserMessenger(sent)

    messenger.publish({"step": 1})
    messenger.publish([2], final=True)

    assert sent == [('{"step": 1}', False), ("[2]", True)]


def test_the_arguments_have_the_places_of_2021() -> None:
    sent = Sent()

    UserMessenger(sent).publish({"a": np.float64(1.5)}, RuntimeEncoder, True)

    assert sent == [('{"a": 1.5}', True)]


def test_an_encoder_of_the_programs_own_is_used() -> None:
    class Mine(json.JSONEncoder):
        def default(self, o: Any) -> Any:
            return "mine"

    sent = Sent()
    UserMessenger(sent).publish({"a": object()}, encoder=Mine)

    assert sent == [('{"a": "mine"}', False)]


def test_what_cannot_travel_is_refused_and_nothing_is_sent() -> None:
    sent = Sent()

    with pytest.raises(NotSerializableError):
        UserMessenger(sent).publish({"a": object()})

    assert sent == []


def test_without_a_runtime_messages_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    messenger = UserMessenger()

    messenger.publish(1)
    messenger.publish(2, final=True)

    assert capsys.readouterr().out == "interim result: 1\nresult: 2\n"
