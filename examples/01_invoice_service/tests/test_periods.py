from datetime import date

import pytest

from invoicing.periods import Period, add_months, period_at, period_with


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2024, 1, 15), 1, date(2024, 2, 15)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2023, 3, 31), 1, date(2023, 4, 30)),
        (date(2023, 12, 31), 1, date(2024, 1, 31)),
        (date(2023, 5, 10), 12, date(2024, 5, 10)),
        (date(2023, 5, 10), -5, date(2022, 12, 10)),
        (date(2023, 5, 10), 0, date(2023, 5, 10)),
    ],
)
def test_add_months(start, months, end):
    assert add_months(start, months) == end


def test_days_include_both_ends():
    assert Period(date(2024, 2, 1), date(2024, 2, 29)).days == 29
    assert Period(date(2024, 2, 1), date(2024, 2, 1)).days == 1


def test_order_is_checked():
    with pytest.raises(ValueError):
        Period(date(2024, 2, 2), date(2024, 2, 1))


def test_days_left():
    period = Period(date(2024, 4, 1), date(2024, 4, 30))
    assert period.days_from(date(2024, 4, 1)) == 30
    assert period.days_from(date(2024, 4, 30)) == 1
    with pytest.raises(ValueError):
        period.days_from(date(2024, 5, 1))


def test_periods_follow_each_other():
    assert str(period_at(date(2024, 1, 31), 1, 0)) == "2024-01-31 to 2024-02-28"
    assert str(period_at(date(2024, 1, 31), 1, 1)) == "2024-02-29 to 2024-03-30"
    assert str(period_at(date(2024, 1, 31), 1, 2)) == "2024-03-31 to 2024-04-29"


@pytest.mark.parametrize(("day", "number"), [(10, 0), (9, -1)])
def test_period_with_at_the_edges(day, number):
    assert period_with(date(2024, 1, 10), 1, date(2024, 6, day))[0] == 5 + number


def test_period_with():
    assert period_with(date(2024, 1, 10), 3, date(2024, 4, 10)) == (
        1,
        Period(date(2024, 4, 10), date(2024, 7, 9)),
    )
    with pytest.raises(ValueError):
        period_with(date(2024, 1, 10), 3, date(2024, 1, 9))
