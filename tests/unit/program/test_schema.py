# SPDX-License-Identifier: Apache-2.0
"""Schemas are checked, name what is wrong, and cannot hang or crash the interpreter."""

from __future__ import annotations

import socket
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qruntime.errors import InvalidSchemaError, SchemaViolationError
from qruntime.program import schema_cost
from qruntime.program.schema import check_schema, validate, with_defaults

DEEP = 100_000


def violation(value, schema):
    with pytest.raises(SchemaViolationError) as caught:
        validate(value, schema, name="inputs")
    return caught.value


def refusal(schema):
    with pytest.raises(InvalidSchemaError) as caught:
        check_schema(schema, name="parameters")
    return str(caught.value)


def outcome(value, schema):
    try:
        check_schema(schema, name="parameters")
        validate(value, schema, name="inputs")
    except (InvalidSchemaError, SchemaViolationError) as error:
        return str(error)
    return "fits"


def nested(depth, wrap, core):
    for _ in range(depth):
        core = wrap(core)
    return core


def chain(length, link):
    """Definitions d0, d1, ... of which each is made of the next by ``link``."""
    names = [f"d{number}" for number in range(length + 1)]
    definitions = {here: link(f"#/$defs/{there}") for here, there in pairwise(names)}
    return {"$defs": {**definitions, names[-1]: {"type": "object"}}, "$ref": "#/$defs/d0"}


def test_a_fitting_value_passes():
    validate({"shots": 3}, {"properties": {"shots": {"type": "integer"}}}, name="inputs")


def test_a_violation_names_the_path_of_the_offending_value():
    schema = {"properties": {"layers": {"items": {"type": "integer"}}}}

    error = violation({"layers": [1, 2, "x"]}, schema)

    assert error.path == "inputs.layers[2]"
    assert str(error) == "inputs.layers[2]: 'x' is not of type 'integer'"


def test_an_unknown_key_is_named_with_the_nearest_and_the_allowed_ones():
    schema = {"properties": {"shots": {}, "seed": {}}, "additionalProperties": False}

    message = str(violation({"shot": 1}, schema))

    assert message == "inputs: unknown key 'shot'; did you mean 'shots'?; allowed: seed, shots"


def test_a_missing_key_is_named_with_what_was_given_instead():
    message = str(violation({"shot": 1}, {"properties": {"shots": {}}, "required": ["shots"]}))

    assert message == "inputs: 'shots' is missing; given instead: 'shot'"


def test_five_violations_are_listed_and_the_others_counted():
    message = str(violation(["x"] * 8, {"items": {"type": "integer"}}))

    assert message.count("is not of type") == 5
    assert message.endswith("; and 3 more")


@pytest.mark.parametrize(
    ("value", "schema", "told"),
    [
        (5, {"maximum": 3}, "inputs: 5 does not fit 'maximum' (3)"),
        ("c", {"enum": ["a", "b"]}, "inputs: 'c' is not one of 'a', 'b'"),
        ("c", {"pattern": "^a"}, "inputs: 'c' does not fit 'pattern' ('^a')"),
        ([], {"type": ["string", "null"]}, "inputs: a list of 0 is not of type 'null' or 'string'"),
        ({"a b": 1}, {"additionalProperties": {"type": "string"}}, "inputs['a b']: 1 is not of"),
    ],
)
def test_a_violation_says_which_rule_is_broken(value, schema, told):
    assert str(violation(value, schema)).startswith(told)


def test_an_integer_too_long_to_print_is_refused_without_printing_it():
    assert "very large integer" in str(violation(10**5000, {"type": "string"}))


def test_a_large_value_is_not_repeated_in_the_message():
    assert len(str(violation("x" * 100_000, {"type": "integer"}))) < 300


def test_what_is_no_json_is_refused_as_a_violation():
    assert "plain JSON" in str(violation(object(), {"type": "object"}))


def test_text_that_cannot_be_encoded_is_refused_as_a_violation():
    assert "plain JSON" in str(violation("\ud800", {"type": "string"}))


@pytest.mark.parametrize("schema", [{"type": "intger"}, {"required": "a"}, {"minimum": "1"}])
def test_a_broken_schema_is_refused_by_name(schema):
    assert refusal({"properties": {"a": schema}}).startswith("parameters.properties.a.")


@pytest.mark.parametrize("schema", [[], "object", 1, None])
def test_what_is_no_schema_is_refused(schema):
    assert "must be a JSON Schema" in refusal(schema)


def test_older_drafts_are_understood():
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": True}}

    check_schema(schema, name="parameters")


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?=a)b", "(?<!a)b", "(((a{1000}){1000}){1000}){1000}"]
)
@pytest.mark.parametrize("keyword", ["pattern", "patternProperties"])
def test_patterns_that_cannot_be_matched_in_linear_time_are_refused(pattern, keyword):
    rule = {"pattern": pattern} if keyword == "pattern" else {"patternProperties": {pattern: True}}

    assert "linear time" in refusal(rule)


def test_a_catastrophic_pattern_is_matched_in_linear_time():
    started = time.perf_counter()

    violation("a" * 200_000 + "b", {"pattern": "^(a+)+$"})

    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    "reference",
    [
        *("http://127.0.0.1:9/x.json", "file:///etc/hostname", "other.json", "/etc/hostname"),
        *("urn:x:y", "https://json-schema.org/draft/2020-12/schema", ""),
    ],
)
def test_nothing_outside_the_schema_is_read(reference, monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("the network was used"))

    assert "leads outside the schema" in refusal({"properties": {"a": {"$ref": reference}}})


def test_a_dollar_id_cannot_redirect_references():
    schema = {"$defs": {"a": {"$id": "http://127.0.0.1:9/"}}, "$ref": "#/$defs/a"}

    assert "$id is allowed only at the top" in refusal(schema)


@pytest.mark.parametrize("keyword", ["$dynamicRef", "$recursiveRef"])
def test_dynamic_references_are_refused(keyword):
    assert keyword in refusal({"properties": {"a": {keyword: "#"}}})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"anyOf": [{"not": {"$ref": "#"}}]},
    ],
)
def test_a_reference_that_goes_round_without_descending_is_refused(schema):
    assert "back to where it started" in refusal(schema)


def test_a_reference_to_nothing_is_refused():
    assert "leads to no schema" in refusal({"$ref": "#/$defs/a"})


def test_a_recursive_schema_checks_a_tree():
    tree = {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "n": {"type": "integer"}}}

    error = violation({"left": {"right": {"n": "x"}}}, tree)

    assert error.path == "inputs.left.right.n"


def test_references_may_name_an_anchor():
    schema = {"$defs": {"a": {"$anchor": "whole", "type": "integer"}}, "items": {"$ref": "#whole"}}

    assert violation(["x"], schema).path == "inputs[0]"


@pytest.mark.parametrize("key", ["not", "items", "properties"])
def test_a_schema_of_great_depth_is_refused(key):
    deep = nested(DEEP, lambda inner: {key: inner}, {})

    assert "levels deep" in refusal(deep)


def test_a_schema_of_great_size_is_refused():
    assert "parts" in refusal({"enum": list(range(100_000))})


def test_a_schema_that_holds_itself_is_refused():
    loop = {}
    loop["not"] = loop

    assert "levels deep" in refusal(loop)


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"n": inner}])
def test_a_value_of_great_depth_is_refused(wrap):
    schema = {"items": {"$ref": "#"}, "additionalProperties": {"$ref": "#"}}

    assert "levels deep" in str(violation(nested(DEEP, wrap, 1), schema))


def test_a_value_that_holds_itself_is_refused():
    loop = []
    loop.append(loop)

    assert "levels deep" in str(violation(loop, {"items": {"$ref": "#"}}))


def test_a_value_that_multiplies_itself_is_refused(monkeypatch):
    monkeypatch.setattr(schema_cost, "MAX_VALUE_PARTS", 100_000)

    assert "parts" in str(violation(nested(60, lambda inner: [inner] * 10, 1), {"type": "array"}))


@pytest.mark.parametrize(
    "schema",
    [
        chain(40, lambda ref: {"allOf": [{"$ref": ref}, {"$ref": ref}]}),
        chain(40, lambda ref: {"allOf": [{"$ref": ref}], "unevaluatedProperties": False}),
    ],
)
def test_a_schema_that_multiplies_its_own_work_is_not_applied(schema):
    started = time.perf_counter()

    error = violation({}, schema)

    assert "too large to be checked" in str(error)
    assert time.perf_counter() - started < 2


def test_a_recursive_schema_that_doubles_at_each_level_takes_only_shallow_values():
    schema = {"properties": {"n": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}

    validate(nested(5, lambda inner: {"n": inner}, {}), schema, name="inputs")
    error = violation(nested(60, lambda inner: {"n": inner}, {}), schema)

    assert "too large to be checked" in str(error)


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (list(range(100_000)), {"uniqueItems": True}),
        ([[number] for number in range(20_000)], {"uniqueItems": True}),
        ([{"a": 1}] * 500, {"items": {"enum": [{"a": number} for number in range(5_000)]}}),
        ([1e308] * 1000, {"items": {"multipleOf": 1e-300}}),
        ([10**4000] * 100, {"items": {"multipleOf": 0.01}}),
        (["x"] * 200_000, {"items": {"type": "integer"}}),
    ],
)
def test_expensive_rules_on_large_values_end_soon(value, schema):
    started = time.perf_counter()

    message = outcome(value, schema)

    assert len(message) < 5_000
    assert time.perf_counter() - started < 5


def test_only_the_first_violation_of_a_large_value_is_told():
    message = str(violation(["x"] * 30_000, {"items": {"type": "integer"}}))

    assert message == "inputs[0]: 'x' is not of type 'integer'"


def test_a_long_list_of_numbers_is_accepted():
    validate([1] * 300_000, {"items": {"type": "integer"}}, name="inputs")


def test_defaults_stand_in_for_absent_inputs_only():
    schema = {"properties": {"shots": {"default": 100}, "seed": {"default": 1}, "x": {}}}

    assert with_defaults({"seed": None}, schema) == {"seed": None, "shots": 100}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYWORDS = st.sampled_from(
    ["type", "items", "properties", "$ref", "allOf", "enum", "pattern", "required", "if", "$defs"]
)
SCHEMAS = st.recursive(
    st.booleans() | st.sampled_from(["#", "#/$defs/a", "integer", "^a", "a"]),
    lambda inner: (
        st.dictionaries(KEYWORDS | st.just("a"), inner, max_size=3) | st.lists(inner, max_size=2)
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=150)
@given(schema=SCHEMAS, value=JSON)
def test_any_schema_and_value_end_in_an_answer_or_in_one_of_two_errors(schema, value):
    assert outcome(value, schema)
