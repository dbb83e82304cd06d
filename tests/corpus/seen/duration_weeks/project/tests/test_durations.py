import pytest

from durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("45s", 45), ("1h 30m", 5400), ("2D", 172800), ("1w", 604800)]
)
def test_parse(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5x", "h", "1h foo"])
def test_nonsense(text):
    with pytest.raises(ValueError):
        parse_duration(text)


def test_format():
    assert format_duration(0) == "0s"
    assert format_duration(93784) == "1d 2h 3m 4s"
