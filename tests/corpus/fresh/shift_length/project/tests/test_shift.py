import pytest

from shifts import Shift


def test_start():
    assert str(Shift("08:05")) == "08:05-08:05"


def test_end():
    assert str(Shift("08:00", hours=8, minutes=30)) == "08:00-16:30"


def test_overlap():
    assert Shift("08:00", hours=4).overlaps(Shift("11:00", hours=4))


def test_no_overlap():
    assert not Shift("12:00").overlaps(Shift("08:00"))


def test_long_pause():
    with pytest.raises(ValueError):
        Shift("08:00", pause=5)
