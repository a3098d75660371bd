# SPDX-License-Identifier: Apache-2.0
"""Values with two faces: names, providers, headers."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qruntime.program.faces import CallableFace, CallableName, Header, NoProvider


@given(st.text())
def test_a_callable_name_is_the_text_in_every_use(text: str) -> None:
    name = CallableName(text)

    assert name == text
    assert name() == text
    assert type(name()) is str
    assert type(str(name)) is str
    assert f"{name}" == text
    assert "%s" % name == text  # noqa: UP031  one of the uses
    assert json.dumps(name) == json.dumps(text)
    assert {name: 1}[text] == 1
    assert copy.deepcopy(name)() == text


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_callable_name_is_pickled_with_both_faces(protocol: int) -> None:
    name = pickle.loads(pickle.dumps(CallableName("x"), protocol))

    assert (name, name()) == ("x", "x")


def test_no_provider_is_falsy_equals_none_and_gives_none() -> None:
    nothing = NoProvider()

    assert not nothing
    assert nothing() is None
    assert nothing == NoProvider()
    assert nothing == None  # noqa: E711  old code compares like this
    assert nothing != "provider"
    assert pickle.loads(pickle.dumps(nothing)) == nothing
    assert len({nothing, NoProvider(), None}) == 1
    assert repr(nothing) == "<no provider>"


class Lab:
    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lab) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return f"the lab {self.name}"

    def __repr__(self) -> str:
        return f"Lab({self.name!r})"

    def __bool__(self) -> bool:
        return bool(self.name)

    def __iter__(self) -> Any:
        return iter(self.name)


def test_a_callable_face_acts_as_what_it_holds() -> None:
    lab = Lab("x")
    face = CallableFace(lab)

    assert face() is lab
    assert isinstance(face, Lab)
    assert (str(face), repr(face)) == ("the lab x", "Lab('x')")
    assert face == lab
    assert face == CallableFace(lab)
    assert hash(face) == hash(lab)
    assert list(face) == ["x"]
    assert "name" in dir(face)
    assert not CallableFace(Lab(""))


def test_attributes_set_on_a_callable_face_are_set_on_what_it_holds() -> None:
    lab = Lab("x")
    face = CallableFace(lab)

    face.name = "y"
    face.extra = 1
    del face.extra

    assert lab.name == "y"
    assert not hasattr(lab, "extra")


@pytest.mark.parametrize(
    "twin_of", [copy.copy, copy.deepcopy, lambda face: pickle.loads(pickle.dumps(face))]
)
def test_a_copy_of_a_callable_face_can_be_called_too(twin_of: Any) -> None:
    twin = twin_of(CallableFace(Lab("x")))

    assert twin() == Lab("x")


def test_a_header_is_read_by_key_and_by_attribute() -> None:
    header = Header(name="bell", metadata={"a": 1})

    assert header.name == header["name"] == "bell"
    assert header.to_dict() == {"name": "bell", "metadata": {"a": 1}}
    assert type(header.to_dict()) is dict


def test_a_header_is_written_by_key_and_by_attribute() -> None:
    header = Header()

    header.name = "x"
    header["shots"] = 3

    assert (header["name"], header.shots) == ("x", 3)

    del header.name

    assert header == {"shots": 3}


def test_a_header_names_what_it_has_when_asked_for_something_else() -> None:
    with pytest.raises(AttributeError, match="no 'shots'; it has: name"):
        _ = Header(name="x").shots
    with pytest.raises(AttributeError, match="no 'shots'"):
        del Header(name="x").shots


def test_a_header_can_be_pickled_copied_and_written_as_json() -> None:
    header = Header(name="x")

    assert pickle.loads(pickle.dumps(header)).name == "x"
    assert copy.deepcopy(header).name == "x"
    assert json.dumps(header) == '{"name": "x"}'
