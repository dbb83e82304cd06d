"""One form for equal values: what is hashed, what is only recorded, what is scrubbed."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from covey.core.canonical import Frozen, Volatile, canonical_json, scrub, sha256, stable, stable_hash

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Colour(StrEnum):
    red = "red"


class Inner(Frozen):
    name: str
    seconds: Volatile[float] = 0.0


class Outer(Frozen):
    inner: Inner
    many: tuple[Inner, ...] = ()
    named: dict[str, Inner] = Field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    colour: Colour = Colour.red
    output: Volatile[str | None] = None


def test_volatile_fields_are_left_out_at_every_depth() -> None:
    one = Outer(inner=Inner(name="a", seconds=1), many=(Inner(name="b", seconds=2),), named={"x": Inner(name="c")})
    two = Outer(inner=Inner(name="a"), many=(Inner(name="b"),), named={"x": Inner(name="c", seconds=9)}, output="x")
    assert stable(one) == stable(two)
    assert "seconds" not in canonical_json(stable(one))
    assert "output" not in stable(one)
    assert stable_hash(one) == stable_hash(two)
    assert stable_hash(one) != stable_hash(one.model_copy(update={"inner": Inner(name="z")}))


def test_sets_have_one_order_and_enumerations_are_their_values() -> None:
    value = Outer(inner=Inner(name="a"), seen=frozenset({"b", "c", "a"}))
    assert stable(value)["seen"] == ["a", "b", "c"]
    assert stable(value)["colour"] == "red"
    assert stable({1: (2, 3)}) == {"1": [2, 3]}


@pytest.mark.parametrize("value", [object(), b"bytes", {"a": [1j]}])
def test_what_is_no_json_value_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be recorded"):
        stable(value)


@given(JSON)
def test_equal_values_have_one_text_that_reads_back_as_the_value(value: Any) -> None:
    text = canonical_json(value)
    assert text.isascii()
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_changes_nothing(value: dict[str, int]) -> None:
    assert stable_hash(dict(reversed(value.items()))) == stable_hash(value)


def test_numbers_that_json_does_not_know_are_refused() -> None:
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical_json(number)


def test_text_hashes_as_its_utf_8_and_lone_surrogates_do_not_stop_it() -> None:
    assert sha256("é") == sha256("é".encode())
    assert sha256("\udc80") != sha256("\udc81")
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_words_are_immutable_and_know_no_other_fields() -> None:
    inner = Inner(name="a")
    with pytest.raises(ValueError, match="frozen"):
        inner.name = "b"  # type: ignore[misc]
    with pytest.raises(ValueError, match="extra"):
        Inner.model_validate({"name": "a", "other": 1})


def test_addresses_and_durations_are_scrubbed_and_other_numbers_are_not() -> None:
    text = "<A object at 0x7f3a2b1c9d40> took 0.123s, then 12.5 seconds; 3.14 is pi, 0x1f is small, 5s stay"
    assert scrub(text) == "<A object at 0x0> took 0.0s, then 0.0s; 3.14 is pi, 0x1f is small, 5s stay"
    assert scrub(scrub(text)) == scrub(text)
