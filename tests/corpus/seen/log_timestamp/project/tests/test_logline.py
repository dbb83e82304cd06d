from datetime import datetime

import pytest

from logline import Formatter, parse_line


@pytest.fixture
def formatter():
    return Formatter("app")


def test_line_at_five_past_in_may(formatter):
    assert formatter.line(datetime(2024, 5, 2, 14, 5, 9), "info", "up") == "2024-05-02 14:05:09 INFO  [app] up"


def test_line_at_another_minute(formatter):
    assert formatter.line(datetime(2024, 5, 2, 14, 37, 9), "error", "x").startswith("2024-05-02 14:37:09 ERROR")


def test_newlines_are_escaped(formatter):
    assert formatter.line(datetime(2024, 1, 1, 0, 1), "info", "a\nb").endswith("a\\nb")


def test_parse():
    fields = parse_line("2024-05-02 14:37:09 INFO  [app] a\\nb")
    assert fields["text"] == "a\nb"
    assert fields["when"].minute == 37


def test_nonsense():
    with pytest.raises(ValueError):
        parse_line("hello")
