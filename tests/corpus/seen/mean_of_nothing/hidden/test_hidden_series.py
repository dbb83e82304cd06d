from sensors.report import report
from sensors.series import Series


def test_all_readings_lost():
    series = Series("x")
    series.add(None, None)
    assert series.mean() is None
    assert report([series]) == "x: no data"


def test_readings_of_zero_are_data():
    series = Series("x")
    series.add(0, 0)
    assert series.mean() == 0
    assert report([series]) == "x: 0.0 (0..0)"
