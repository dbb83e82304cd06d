import pytest

from measures import convert


def test_to_fahrenheit():
    assert convert(100, "C", "F") == 212


def test_from_fahrenheit():
    assert convert(212, "F", "C") == pytest.approx(100)


def test_kelvin():
    assert convert(0, "K", "C") == -273.15


def test_length():
    assert convert(1, "mi", "km") == pytest.approx(1.609344)


def test_mixed():
    with pytest.raises(ValueError):
        convert(1, "F", "ft")
