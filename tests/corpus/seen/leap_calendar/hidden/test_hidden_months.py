from calendar import isleap

from calendar_utils import day_of_year, is_leap


def test_agrees_with_the_standard_library():
    for year in range(1583, 2805):
        assert is_leap(year) == isleap(year), year


def test_first_of_march_after_a_century():
    assert day_of_year(2400, 3, 1) == 61
    assert day_of_year(2200, 3, 1) == 60
