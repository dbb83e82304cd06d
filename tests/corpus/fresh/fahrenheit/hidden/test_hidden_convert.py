import pytest

from measures import convert


def test_known_points():
    assert convert(-40, "F", "C") == pytest.approx(-40)
    assert convert(32, "F", "K") == pytest.approx(273.15)
    assert convert(98.6, "F", "C") == pytest.approx(37)


def test_round_trips():
    for scale in "CFK":
        for value in (-300, 0, 12.5, 1000):
            assert convert(convert(value, "F", scale), scale, "F") == pytest.approx(value)
