"""Whether a failing test fails later than before, or comes closer to what it expects."""

from __future__ import annotations

from difflib import SequenceMatcher

from covey.core.testing import Failure
from covey.repair.evidence import read_hints

_ASSERTIONS = frozenset({"AssertionError", "Failed"})
_LONGEST = 400
PAST_CRASH = 0.5
"""Advance of a test that crashed and now reaches an assertion."""
OTHER_ASSERTION = 0.6
"""Advance of a test that now fails at an assertion about another value."""


def _short(kind: str) -> str:
    return kind.rpartition(".")[2]


def _alike(left: object, right: object) -> float:
    """Likeness of two literal values, 0 to 1."""
    if left == right:
        return 1.0
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (left, right))
    if numbers:
        gap = abs(left - right)  # type: ignore[operator]
        return float(1 / (1 + gap / (1 + abs(right)))) if gap == gap else 0.0  # type: ignore[arg-type]  # noqa: PLR0124
    if type(left) is not type(right):
        return 0.0
    one, other = str(left)[:_LONGEST], str(right)[:_LONGEST]
    return 0.95 * SequenceMatcher(None, one, other, autojunk=False).ratio()


def advance(before: Failure, kind: str, message: str) -> float:
    """How much further a test gets, 0 to 1, from its failure before an edit and the one after it.

    Only what the failures say themselves is used: an exception that gave way to an assertion, an assertion about
    another value, an actual value that came nearer to the same expected one.
    """
    old_crash, new_crash = _short(before.type) not in _ASSERTIONS, _short(kind) not in _ASSERTIONS
    if not kind or new_crash:
        return 0.0
    if old_crash:
        return PAST_CRASH
    old = read_hints([before]).pairs
    new = read_hints([Failure(type=kind, message=message)]).pairs
    if not old or not new or old == new:
        return 0.0
    gains = [
        _alike(actual_now, expected) - _alike(actual, expected)
        for actual, expected in old
        for actual_now, expected_now in new
        if expected_now == expected and type(expected_now) is type(expected)
    ]
    return round(max(0.0, *gains), 6) if gains else OTHER_ASSERTION
