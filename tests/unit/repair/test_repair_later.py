"""A failing test that fails later, or nearer to what it expects, is progress."""

from __future__ import annotations

import pytest

from covey.core.testing import Failure
from covey.repair.later import OTHER_ASSERTION, PAST_CRASH, advance

CRASH = Failure(type="TypeError", message="unsupported operand")


def wrong(text: str) -> Failure:
    return Failure(type="AssertionError", message=text)


def test_reaching_an_assertion_after_a_crash_is_progress() -> None:
    assert advance(CRASH, "AssertionError", "assert 3 == 4") == PAST_CRASH


@pytest.mark.parametrize("kind", ["TypeError", "KeyError", "builtins.ValueError", ""])
def test_another_crash_is_none(kind: str) -> None:
    assert advance(CRASH, kind, "whatever") == 0.0
    assert advance(wrong("assert 3 == 4"), kind, "whatever") == 0.0


def test_a_value_nearer_to_the_expected_one_is_progress_and_one_farther_away_is_none() -> None:
    before = wrong("assert 3 == 10")
    near, nearer = advance(before, "AssertionError", "assert 6 == 10"), advance(before, "Failed", "assert 9 == 10")
    assert 0 < near < nearer < 1
    assert advance(before, "AssertionError", "assert 1 == 10") == 0.0
    assert advance(before, "AssertionError", "assert 3 == 10") == 0.0
    assert advance(wrong("assert [1] == [1, 2, 3]"), "AssertionError", "assert [1, 2] == [1, 2, 3]") > 0
    assert advance(wrong("assert nan == 1"), "AssertionError", "assert 'x' == 1") == 0.0


def test_an_assertion_about_another_value_is_a_later_one() -> None:
    assert advance(wrong("assert 3 == 4"), "AssertionError", "assert 'a' == 'b'") == OTHER_ASSERTION


def test_messages_without_values_say_nothing() -> None:
    assert advance(wrong("not good"), "AssertionError", "still not good") == 0.0
