import pytest

from calendar_utils import day_of_year, days_in_month, is_leap


@pytest.mark.parametrize("year", [1996, 2004, 2024])
def test_every_fourth_year_is_leap(year):
    assert is_leap(year)


@pytest.mark.parametrize("year", [1999, 2001, 2023])
def test_other_years_are_common(year):
    assert not is_leap(year)


def test_centuries():
    assert not is_leap(1900)
    assert not is_leap(2100)
    assert is_leap(2000)


def test_lengths():
    assert days_in_month(2023, 2) == 28
    assert days_in_month(2024, 2) == 29
    assert days_in_month(2023, 12) == 31


def test_month_is_checked():
    with pytest.raises(ValueError):
        days_in_month(2023, 13)


def test_day_of_year():
    assert day_of_year(2023, 3, 1) == 60
    assert day_of_year(2024, 12, 31) == 366
