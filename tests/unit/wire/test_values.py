# SPDX-License-Identifier: Apache-2.0
"""Plain Python and NumPy values come back as they were sent, or are refused by name."""

from __future__ import annotations

import datetime
import inspect
import json
import math
import sys
from collections import Counter, OrderedDict, namedtuple
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qruntime.errors import NotSerializableError
from qruntime.wire import RuntimeDecoder, RuntimeEncoder, decode, encode, plain

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

hashables = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.floats(allow_nan=False)
    | st.tuples(st.integers(), st.text(max_size=3))
    | st.frozensets(st.integers(), max_size=3)
)
atoms = (
    hashables
    | st.integers(min_value=-(10**60), max_value=10**60)
    | st.complex_numbers(allow_nan=False)
    | st.datetimes()
    | st.datetimes(timezones=st.timezones().map(lambda _: datetime.UTC))
    | st.dates()
    | st.sets(hashables, max_size=3)
)
keys = st.text(max_size=6) | st.sampled_from(["__type__", "__value__", "__class__"])
trees = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)
dtypes = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?")
    | hnp.complex_number_dtypes(endianness="?")
    | hnp.unicode_string_dtypes(endianness="?")
    | hnp.byte_string_dtypes()
    | hnp.datetime64_dtypes(endianness="?")
    | hnp.timedelta64_dtypes(endianness="?")
    | hnp.array_dtypes(max_size=3)
)


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@FEW
@given(trees)
def test_nested_values_come_back_equal_and_of_the_same_types(value: Any) -> None:
    assert same(decode(encode(value)), value)


@FEW
@given(hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)))
def test_arrays_of_every_dtype_come_back(array: Any) -> None:
    back = decode(encode(array))

    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_field_names_beyond_ascii_travel_without_a_warning() -> None:
    array = np.ones(2, [("Ā", "f4"), ("b", "i2", (2,))])

    assert decode(encode(array)).dtype == array.dtype


@FEW
@given(st.data())
def test_object_arrays_keep_shape_and_elements(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
    array = np.empty(math.prod(shape), dtype=object)
    for index in range(array.size):
        array[index] = data.draw(trees)
    array = array.reshape(shape)

    back = decode(encode(array))

    assert (back.dtype, back.shape) == (np.dtype(object), shape)
    assert same(list(back.flat), list(array.flat))


@pytest.mark.parametrize(
    ("scalar", "expected"),
    [
        (np.bool_(True), True),
        (np.int32(-4), -4),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float16(0.5), 0.5),
        (np.float32(0.25), 0.25),
        (np.float64(0.1), 0.1),
        (np.longdouble(0.5), 0.5),
        (np.complex64(1 + 2j), 1 + 2j),
        (np.complex128(1 - 2j), 1 - 2j),
        (np.str_("x"), "x"),
    ],
)
def test_numpy_scalars_become_python_scalars(scalar: Any, expected: Any) -> None:
    assert same(decode(encode([scalar])), [expected])


@pytest.mark.parametrize("text", ["2026-11-22T08:00:00.000000001", "NaT"])
def test_numpy_times_come_back_as_arrays_without_dimensions(text: str) -> None:
    back = decode(encode(np.datetime64(text, "ns")))

    assert back.shape == ()
    assert back.dtype == "datetime64[ns]"


def test_numpy_durations_are_not_taken_for_integers() -> None:
    assert decode(encode(np.timedelta64(3, "s")))[()] == np.timedelta64(3, "s")


@pytest.mark.parametrize("value", [-0.0, math.inf, -math.inf, math.nan, 5e-324])
@pytest.mark.parametrize("wrap", [float, np.float32, lambda x: complex(x, -x)])
def test_special_floats_survive(value: float, wrap: Any) -> None:
    sent = wrap(value)
    expected = complex(sent) if isinstance(sent, complex) else float(sent)

    assert repr(decode(encode(sent))) == repr(expected)


def test_a_timezone_is_kept() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))
    sent = datetime.datetime(2021, 5, 6, 7, 8, 9, 10, tzinfo=zone)

    back = decode(encode(sent))

    assert (back, back.utcoffset()) == (sent, sent.utcoffset())


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(x=1), {"x": 1}),
        (namedtuple("P", "x y")(1, 2), (1, 2)),
        (Colour.RED, "red"),
    ],
)
def test_subclasses_travel_as_their_base(sent: Any, expected: Any) -> None:
    assert same(decode(encode([sent])), [expected])


def test_keys_become_strings_as_in_json() -> None:
    sent = {8: "a", 2.5: "b", True: "c", None: "d", np.int64(7): "e", Colour.RED: "f"}

    assert decode(encode(sent)) == {
        "8": "a", "2.5": "b", "true": "c", "null": "d", "7": "e", "red": "f"
    }  # fmt: skip


def test_keys_that_would_become_one_are_refused() -> None:
    with pytest.raises(NotSerializableError, match=r"result\.x: two keys would both .* '1'"):
        encode({"x": {1: "a", "1": "b"}}, root="result")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"energies": [1, 2, 3, object()]}, r"^result\.energies\[3\]: .*'object'.*allowed: None"),
        ({"a b": (b"x",)}, r"^result\['a b'\]\[0\]: .*'bytes'"),
        ({"k": {(1, 2): 3}}, r"^result\.k: a key of type 'tuple'"),
        ({"m": np.ma.masked_array([1, 2], [0, 1])}, r"^result\.m: .*mask"),
        ([np.array([1, range(3)], dtype=object)], r"^result\[0\]\[1\]: .*'range'"),
        ([10**5000], r"^result: .*4300 digits"),
        (np.zeros(2, [("x", object)]), r"^result: an array of dtype"),
        (datetime.timedelta(1), r"^result: .*'datetime.timedelta'"),
    ],
)
def test_what_cannot_travel_is_refused_by_place_and_type(value: Any, message: str) -> None:
    with pytest.raises(NotSerializableError, match=message):
        encode(value, root="result")


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: {"k": x}, lambda x: [(x,)]])
@pytest.mark.parametrize("write", [encode, plain])
def test_a_value_that_contains_itself_is_refused(wrap: Any, write: Any) -> None:
    loop: list[Any] = []
    loop.append(wrap(loop))

    with pytest.raises(NotSerializableError, match="contains itself"):
        write(loop)


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_depth_is_bounded_at_two_hundred_levels() -> None:
    assert decode(encode(nested(200))) == nested(200)
    with pytest.raises(NotSerializableError, match="deeper than 200"):
        encode(nested(201))


def test_a_stack_that_is_nearly_full_gives_a_clear_error() -> None:
    def sink(frames: int) -> str:
        return sink(frames - 1) if frames else encode(nested(190))

    room = sys.getrecursionlimit() - len(inspect.stack(0))

    with pytest.raises(NotSerializableError, match="no room on the stack"):
        sink(room - 150)


def test_an_object_with_to_json_travels_as_its_text() -> None:
    class Figure:
        def to_json(self) -> str:
            return '{"x": 1}'

    assert decode(encode({"fig": Figure()})) == {"fig": '{"x": 1}'}


def test_callables_become_null_with_a_warning() -> None:
    with pytest.warns(RuntimeWarning, match="callable"):
        text = encode({"callback": print})

    assert text == '{"callback": null}'


@FEW
@given(trees)
def test_the_plain_view_has_json_types_only(value: Any) -> None:
    assert json.loads(json.dumps(plain(value))) == plain(value)


def test_the_plain_view_shows_arrays_tuples_and_scalars_as_json_does() -> None:
    value = {
        "x": np.eye(2, dtype=int),
        "t": (1, np.float64(2.0)),
        "z": np.array([1j]),
        "u": {"__type__": "mine", 3: None},
        "o": np.array([None, "a"], dtype=object),
    }

    assert same(
        plain(value),
        {
            "x": [[1, 0], [0, 1]],
            "t": [1, 2.0],
            "z": [{"__type__": "complex", "__value__": [0.0, 1.0]}],
            "u": {"__type__": "mine", "3": None},
            "o": [None, "a"],
        },
    )


def test_users_can_add_types_by_subclassing() -> None:
    class Encoder(RuntimeEncoder):
        def default(self, o: Any) -> Any:
            if isinstance(o, bytes):
                return {"__type__": "bytes", "__value__": (o.hex(), 1j)}
            return super().default(o)

    class Decoder(RuntimeDecoder):
        def object_hook(self, obj: dict[str, Any]) -> Any:
            if obj.get("__type__") == "bytes":
                return bytes.fromhex(obj["__value__"][0])
            return super().object_hook(obj)

    text = json.dumps({"data": [b"ab", 1j]}, cls=Encoder)

    assert json.loads(text, cls=Decoder) == {"data": [b"ab", 1j]}


def test_json_arguments_still_work() -> None:
    text = json.dumps({2: np.int8(1), "1": (1,)}, cls=RuntimeEncoder, sort_keys=True, indent=1)

    assert text.startswith('{\n "1": {')
    assert json.loads(text, cls=RuntimeDecoder) == {"1": (1,), "2": 1}


def test_writing_in_pieces_gives_the_same_text(tmp_path: Any) -> None:
    value = {"a": (1, np.ones(2)), "b": [1j]}
    with (tmp_path / "x.json").open("w") as file:
        json.dump(value, file, cls=RuntimeEncoder)

    assert (tmp_path / "x.json").read_text() == encode(value)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("family", ["matrix", "array"])
def test_sparse_matrices_come_back(kind: str, family: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    sent = getattr(sparse, f"{kind}_{family}")(np.array([[0, 1j], [2, 0]]))

    back = decode(encode([sent]))[0]

    assert type(back) is type(sent)
    assert (back.toarray() == sent.toarray()).all()


def test_a_sparse_format_without_a_file_form_is_refused_with_advice() -> None:
    sparse = pytest.importorskip("scipy.sparse")

    with pytest.raises(NotSerializableError, match="tocsr"):
        encode(sparse.lil_matrix((2, 2)))
