import pytest

from shifts import Shift


def test_paid_minutes():
    assert Shift("06:00", hours=7, minutes=45, pause=30).paid_minutes == 435
    assert Shift("06:00", minutes=45).paid_minutes == 45


def test_night():
    assert str(Shift("22:00", hours=8)) == "22:00-06:00"
    assert not Shift("08:00", hours=4).overlaps(Shift("12:00", hours=4))
    with pytest.raises(ValueError):
        Shift("08:00", minutes=4, pause=5)
