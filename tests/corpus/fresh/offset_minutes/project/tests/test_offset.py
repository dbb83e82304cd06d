from datetime import datetime

import pytest

from tzparse.instant import to_utc
from tzparse.offset import format_offset, parse_offset


@pytest.mark.parametrize(
    ("text", "minutes"), [("Z", 0), ("+02:00", 120), ("+0530", 330), ("-08", -480), ("-03:30", -210)]
)
def test_parse(text, minutes):
    assert parse_offset(text) == minutes


@pytest.mark.parametrize("text", ["", "2", "+15:00", "+01:60", "01:00"])
def test_nonsense(text):
    with pytest.raises(ValueError):
        parse_offset(text)


def test_format():
    assert [format_offset(m) for m in (0, 345, -60)] == ["Z", "+05:45", "-01:00"]


def test_to_utc():
    assert to_utc("2024-05-01T12:00+02:00") == datetime(2024, 5, 1, 10, 0)
    assert to_utc("2024-05-01T12:00Z") == datetime(2024, 5, 1, 12, 0)
