"""Answer schemas in which everything is bounded."""

from __future__ import annotations

import datetime as dt
import json
from enum import Enum
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from covey.models.schema import (
    CHARACTER_BYTES,
    END_TOKENS,
    Bounded,
    max_tokens_for,
    one_of,
    plain,
    schema_of,
    token_bound,
)

Short = Annotated[str, Field(max_length=5)]


class Colour(Enum):
    red = "red"
    blue = "blue"


class Inner(Bounded):
    x: int = Field(ge=-5, lt=100)
    words: tuple[Short, ...] = Field(max_length=2)


class Outer(Bounded):
    kind: Literal["a", "b", None]
    colour: Colour
    inner: Inner | None = None
    several: list[Inner] = Field(min_length=1, max_length=2)
    pair: tuple[bool, bool]
    either: Inner | Short


class Empty(Bounded):
    """An answer without fields."""


def test_references_are_written_out_and_only_common_keywords_are_used() -> None:
    schema = schema_of(Outer)
    jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(schema)
    for word in ("$ref", "$defs", "title", "description", "default", "const", "oneOf", "prefixItems", "exclusive"):
        assert word not in text
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert list(properties) == schema["required"] == list(Outer.model_fields)
    assert properties["kind"] == {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "null", "enum": [None]}]}
    assert properties["pair"] == {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}
    inner = schema_of(Inner)
    assert properties["inner"] == {"anyOf": [inner, {"type": "null"}]}
    assert inner["properties"]["x"] == {"type": "integer", "minimum": -5, "maximum": 99}  # type: ignore[index,call-overload]


def test_a_caller_may_change_a_schema_without_changing_the_next_one() -> None:
    schema_of(Inner)["properties"] = {}
    assert schema_of(Inner)["properties"]


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (str, "string without max_length"),
        (list[Inner], "list without max_length"),
        (tuple[int, ...], "list without max_length"),
        (Annotated[list[str], Field(max_length=2)], "string without max_length"),
        (Any, "may hold anything"),
        (object, "may hold anything"),
        (dict[str, Short], "dictionary"),
        (int, "without both bounds"),
        (Annotated[int, Field(ge=0)], "without both bounds"),
        (Annotated[float, Field(ge=0, le=1)], "float"),
        (Annotated[str, Field(max_length=3, pattern="^a$")], "uses pattern"),
        (Annotated[set[Short], Field(max_length=3)], "uses uniqueItems"),
        (dt.date, "uses format"),
        (bytes, "uses format"),
        (tuple[bool, Colour], "tuple of different types"),
        (Inner | str, "string without max_length"),
        ("Wrong | None", "holds itself"),
        (type, "cannot hold"),
        (Literal['a "quoted" word'], "cannot be a choice"),
    ],
)
def test_an_unbounded_field_is_refused_when_the_class_is_made(field: object, reason: str) -> None:
    with pytest.raises(TypeError, match=reason) as caught:
        type("Wrong", (Bounded,), {"__annotations__": {"field": field}, "__module__": __name__})
    assert "field" in str(caught.value) or "choice" in str(caught.value)


def test_a_type_that_is_not_defined_yet_is_refused() -> None:
    with pytest.raises(TypeError, match="Wrong names a type that is not defined yet"):
        type("Wrong", (Bounded,), {"__annotations__": {"field": "NeverDefined"}, "__module__": __name__})


def value_of(schema: Any) -> st.SearchStrategy[Any]:
    """Any value that fits a schema."""
    if "anyOf" in schema:
        return st.one_of([value_of(branch) for branch in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "string":
            return st.text(min_size=schema.get("minLength", 0), max_size=schema["maxLength"])
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return st.lists(value_of(schema["items"]), min_size=schema["minItems"], max_size=schema["maxItems"])
        case _:
            return st.fixed_dictionaries({name: value_of(item) for name, item in schema["properties"].items()})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from([Outer, Inner, Empty]))
def test_whatever_fits_a_schema_is_valid_and_not_longer_than_its_bound(
    data: st.DataObject, model: type[Bounded]
) -> None:
    schema = schema_of(model)
    value = data.draw(value_of(schema))
    jsonschema.validate(value, schema)
    model.model_validate(value)
    for ascii_only in (True, False):
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only)
        assert len(text.encode("utf-8", "surrogatepass")) <= token_bound(schema)


def test_the_bound_is_that_of_the_longest_text() -> None:
    longest = {"x": 99, "words": ["\U0001f600" * 5] * 2}
    assert len(json.dumps("\U0001f600")) - 2 == CHARACTER_BYTES
    assert token_bound(schema_of(Inner)) == len(json.dumps(longest, separators=(",", ":")))
    assert token_bound(schema_of(Empty)) == len("{}")
    with pytest.raises(TypeError, match="without a bound"):
        token_bound({"type": "object", "properties": {"a": {"type": "string"}}})


def test_the_limit_sent_covers_the_bound_and_never_the_window() -> None:
    bound = token_bound(schema_of(Inner))
    assert max_tokens_for(schema_of(Inner), 10_000) == bound + END_TOKENS
    assert max_tokens_for(schema_of(Inner), 30) == 30
    assert max_tokens_for(schema_of(Inner), 0) == 1


@given(st.text(st.characters(), max_size=20))
def test_any_text_has_a_plain_look_alike_that_json_writes_as_it_is(text: str) -> None:
    found = plain(text)
    assert json.dumps(found, ensure_ascii=False) == f'"{found}"'
    assert plain(found) == found
    assert one_of([found]) == {"type": "string", "enum": [found]}


def test_a_choice_that_json_would_escape_is_refused() -> None:
    for text in ('"', "\\", "\t", "\n", "\x7f", "\ud800"):
        with pytest.raises(TypeError, match="cannot be a choice"):
            one_of([text])
    assert plain('\treturn "a\\n"') == "    return 'a/n'"
