from datetime import datetime

from tzparse.instant import to_utc
from tzparse.offset import format_offset, parse_offset


def test_round_trip():
    for minutes in range(-12 * 60, 14 * 60 + 1, 15):
        assert parse_offset(format_offset(minutes)) == minutes
    assert parse_offset("-00:30") == -30
    assert to_utc("2024-01-01T20:45-09:30") == datetime(2024, 1, 2, 6, 15)
