from datetime import date

import pytest

from deliveries import next_delivery, parse_days
from deliveries.calendar import deliveries


def test_parse():
    assert parse_days("Fri, monday,mon") == [0, 4]


def test_nonsense():
    with pytest.raises(ValueError):
        parse_days("someday")


def test_later_this_week():
    assert next_delivery(date(2024, 5, 1), [4]) == date(2024, 5, 3)


def test_every_day():
    assert next_delivery(date(2024, 5, 1), range(7)) == date(2024, 5, 1)


def test_all_of_a_week_without_deliveries():
    assert list(deliveries(date(2024, 5, 4), date(2024, 5, 3), [0])) == []
