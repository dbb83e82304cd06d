from durations import format_duration, parse_duration


def test_weeks_and_days_agree():
    assert parse_duration("2w") == parse_duration("14d")
    assert format_duration(7 * 86400) == "1w"
    assert format_duration(parse_duration("3w 6d 23h")) == "3w 6d 23h"
