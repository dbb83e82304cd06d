from sensors.report import report, summary_line
from sensors.series import Series


def make(name, *values, unit=""):
    series = Series(name, unit)
    series.add(*values)
    return series


def test_mean():
    assert make("t", 1, 2, 3).mean() == 2


def test_lost_readings_do_not_count():
    assert make("t", 1, None, 3).mean() == 2


def test_line():
    assert summary_line(make("t", 20, 22.5, unit=" C")) == "t: 21.2 C (20..22.5)"


def test_line_without_readings():
    assert summary_line(make("t")) == "t: no data"


def test_report_is_sorted():
    assert report([make("b", 1), make("a", 2)]) == "a: 2.0 (2..2)\nb: 1.0 (1..1)"


def test_extremes_of_nothing():
    assert make("t").extremes() is None
