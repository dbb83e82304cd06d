from calendar import monthrange
from datetime import date

import pytest

from invoicing import BillingService, Customer, Money, Plan
from invoicing.periods import add_months, period_at
from invoicing.plans import Catalogue


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2023, 11, 30), 3, date(2024, 2, 29)),
        (date(2024, 12, 31), 2, date(2025, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2025, 3, 31), -13, date(2024, 2, 29)),
    ],
)
def test_february_of_another_year(start, months, end):
    assert add_months(start, months) == end


def test_every_end_of_a_month():
    for month in range(1, 61):
        start = date(2023 + (month - 1) // 12, (month - 1) % 12 + 1, 28)
        start = start.replace(day=monthrange(start.year, start.month)[1])
        for months in range(1, 26):
            end = add_months(start, months)
            assert end.day == min(start.day, monthrange(end.year, end.month)[1])
            assert (end.year - start.year) * 12 + end.month - start.month == months


def test_a_leap_day_comes_back():
    anchor = date(2024, 2, 29)
    assert [period_at(anchor, 12, n).first for n in (1, 2, 3, 4)] == [
        date(2025, 2, 28),
        date(2026, 2, 28),
        date(2027, 2, 28),
        date(2028, 2, 29),
    ]


def test_renewals_from_the_last_day_of_november():
    service = BillingService(Catalogue(Plan("team", Money(6000), "quarterly")))
    service.subscribe(Customer("max"), "team", date(2023, 11, 30))
    assert [invoice.issued for invoice in service.renew(date(2025, 3, 1))] == [
        date(2023, 11, 30),
        date(2024, 2, 29),
        date(2024, 5, 30),
        date(2024, 8, 30),
        date(2024, 11, 30),
        date(2025, 2, 28),
    ]
