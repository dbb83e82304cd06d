"""The pure rules of a download: addresses, redirects, waits, headers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.core.errors import UnusableModel
from covey.models.partfile import PartState
from covey.models.transfer import (
    AgainError,
    Patience,
    check_address,
    checked_digest,
    content_range,
    differs,
    linked_digest,
    next_address,
    number,
    retry_after_s,
    validator,
    wait_s,
)

pytestmark = pytest.mark.requirement("D13")

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    ["", "model.gguf", "ftp://h/m.gguf", "https://", "https://h:0/m", "https://h:99999/m", "https://h/a b", "https://h/\n",
     "https://me:secret@h/m.gguf", "https://h/" + "x" * 3000, "file:///etc/passwd", "https://[::1/m"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UnusableModel):
        check_address(url)


def test_a_secret_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UnusableModel) as caught:
        check_address("https://me:hunter2@h/m.gguf")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "location", "leads"),
    [
        ("https://hub/a/b", "/c", "https://hub/c"),
        ("https://hub/a", "https://cdn/x?s=1", "https://cdn/x?s=1"),
        ("http://mirror/a", "http://mirror:81/b", "http://mirror:81/b"),
        ("http://mirror/a", "https://cdn/b", "https://cdn/b"),
        ("https://hub/a", "//cdn/x", "https://cdn/x"),
    ],
)
def test_redirects_that_are_followed(url: str, location: str, leads: str) -> None:
    assert next_address(url, location) == leads


@pytest.mark.parametrize(
    ("url", "location"),
    [("https://hub/a", "http://hub/a"), ("https://hub/a", "http://cdn/a"), ("http://mirror/a", "http://other/a"),
     ("https://hub/a", "file:///etc/passwd"), ("https://hub/a", "https://u:p@cdn/a"), ("https://hub/a", "ftp://hub/a")],
)  # fmt: skip
def test_redirects_that_leave_protection_are_refused(url: str, location: str) -> None:
    with pytest.raises(UnusableModel):
        next_address(url, location)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waits_grow_to_a_bound_and_are_never_shorter_than_half(failures: int, chance: float) -> None:
    patience = Patience()
    wait = wait_s(failures, patience, chance)
    assert patience.first_s / 2 <= wait <= patience.most_s
    assert wait_s(failures + 1, patience, chance) >= wait


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("", None), ("soon", None), ("-5", None), ("7", 7.0), (" 7 ", 7.0), ("9" * 40, None),
     ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0), ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0)],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


def test_only_a_whole_sha256_is_one() -> None:
    assert checked_digest(None) is None
    assert checked_digest(" " + "AB" * 32) == "ab" * 32
    for wrong in ("", "ab", "g" * 64, "a" * 65):
        with pytest.raises(UnusableModel, match="64 hexadecimal digits"):
            checked_digest(wrong)


def test_headers_are_read_strictly() -> None:
    assert number("12") == 12
    assert [number(text) for text in (None, "", "-1", "1.5", "9" * 30)] == [None] * 5
    assert linked_digest({"x-linked-etag": f'"{"A" * 64}"'}) == "a" * 64
    assert linked_digest({"x-linked-etag": '"abc"', "etag": f'"{"a" * 64}"'}) is None
    assert validator({"etag": '"v1"'}) == '"v1"'
    assert validator({"etag": 'W/"v1"', "last-modified": "yesterday"}) == "yesterday"
    assert validator({"etag": '"' + "x" * 600 + '"'}) == ""
    assert content_range({"content-range": "bytes 5-9/10"}) == (5, 10)
    assert content_range({"content-range": "bytes 5-9/*"}) == (5, None)
    for wrong in ("", "bytes */10", "items 1-2/3", "bytes 1-2/" + "9" * 40):
        with pytest.raises(AgainError):
            content_range({"content-range": wrong})


def test_a_file_differs_when_anything_that_both_sides_know_differs() -> None:
    known = PartState(url="u", validator='"1"', total=5, digest="a" * 64)
    assert not differs(known, known)
    assert not differs(known, PartState(url="u"))
    assert differs(known, PartState(url="u", validator='"2"'))
    assert differs(known, PartState(url="u", total=6))
    assert differs(known, PartState(url="u", digest="b" * 64))
