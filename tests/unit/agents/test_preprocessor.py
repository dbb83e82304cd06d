"""Whatever is given as a problem becomes clean, visible, bounded text that keeps what shows a fault."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.agents.preprocessor import FOR_MODELS, FOR_RULES, KEPT, clean, kept

pytestmark = pytest.mark.requirement("D2")

TRACE = 'Traceback (most recent call last):\n  File "a.py", line 3, in pay\n    debit()\nValueError: no money'
LOG = "".join(f"line {number} of a log\n" for number in range(8_000))


def test_a_text_of_usual_size_stays_as_it_is() -> None:
    text = "Totals are wrong.\n\n```python\n>>> total([1])\n-1\n```\n"
    assert clean(text) == text.strip()


@pytest.mark.parametrize("text", ["", " \n\t\n", "\0", "\r\n\r\n"])
def test_nothing_stays_nothing_or_is_shown(text: str) -> None:
    assert clean(text) in ("", "\\x00")


def test_a_long_log_keeps_its_ends_its_last_traceback_and_its_code_in_order() -> None:
    text = f"Start.\n{LOG}\n```python\npay(3)\n```\n{LOG}{TRACE}\nmore\n{LOG}The end."
    found = clean(text)
    places = [found.index(part) for part in ("Start.", "pay(3)", TRACE, "The end.")]
    assert places == sorted(places)
    assert found.count("characters left out]") == 3


def test_a_traceback_in_the_middle_of_ten_megabytes_is_kept() -> None:
    text = "Start.\n" + LOG * 35 + TRACE + "\n" + LOG * 35
    assert len(text) > 10_000_000
    found = clean(text)
    assert "ValueError: no money" in found
    assert len(found.encode()) <= 1.1 * FOR_MODELS


def test_a_run_keeps_the_words_as_they_are_up_to_a_bound() -> None:
    assert kept("a\u202e\0\r\n") == "a\u202e\0\r\n"
    assert len(kept(LOG * 20).encode()) <= 1.1 * KEPT
    assert TRACE in kept(LOG * 10 + TRACE + "\n" + LOG * 10)


def test_binary_becomes_a_remark() -> None:
    found = clean(bytes(range(256)).decode("latin-1") * 20_000)
    assert "unreadable characters]" in found
    assert found.isprintable() or "\n" in found


def test_direction_changing_characters_are_spelt_out() -> None:
    found = clean("if access\u202e\u2066 == 'user':")
    assert "\\u202e\\u2066" in found
    assert "\u202e" not in found


def test_a_line_that_repeats_is_counted() -> None:
    assert clean("retry\n" * 1_000 + "gave up") == "retry\n[the line above 999 more times]\ngave up"


def test_a_line_without_end_is_cut() -> None:
    assert len(clean("x" * 3_000_000)) < FOR_MODELS


def test_the_bound_is_of_bytes() -> None:
    text = "".join(f"{number} 日本語 " for number in range(9_000))
    lines = text.replace("9 ", "9\n")
    assert len(clean(lines).encode()) <= 1.1 * FOR_MODELS
    assert len(clean(lines, FOR_RULES).encode()) <= 1.1 * FOR_RULES


@settings(max_examples=60)
@given(st.text(max_size=400), st.integers(1, 60), st.integers(200, 2_000))
def test_no_text_is_too_odd(text: str, times: int, size: int) -> None:
    found = clean(text * times, size)
    assert len(found.encode()) <= size + 600
    assert not any(char in found for char in "\0\x1b\u202e\u2066\ud800")
