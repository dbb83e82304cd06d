from datetime import datetime, timedelta

from logline import Formatter, parse_line


def test_round_trip_over_a_year():
    formatter = Formatter("svc")
    when = datetime(2023, 12, 31, 23, 59, 58)
    for _ in range(60):
        fields = parse_line(formatter.line(when, "debug", "m"))
        assert fields["when"] == when
        when += timedelta(days=6, minutes=13, seconds=7)
