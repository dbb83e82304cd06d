"""Billing periods: from a first day up to and including a last day."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Period:
    """``first`` and ``last`` both belong to the period."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"{self.last} is before {self.first}")

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def days_from(self, day: date) -> int:
        """Days of the period that are left, ``day`` included."""
        if day not in self:
            raise ValueError(f"{day} is not in {self}")
        return (self.last - day).days + 1

    def __str__(self) -> str:
        return f"{self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}"


def add_months(start: date, months: int) -> date:
    """The same day some months later, or the last day of that month when it is shorter."""
    year, month, day = start.year, start.month, start.day
    carry, index = divmod(month - 1 + months, 12)
    new_year, new_month = year + carry, index + 1
    return date(new_year, new_month, min(day, monthrange(year, new_month)[1]))


def period_at(anchor: date, months: int, number: int) -> Period:
    """Period ``number`` (from 0) of a subscription that began on ``anchor`` and renews every ``months`` months.

    Counted from the anchor, so that a subscription of the 31st comes back to the 31st after a short month.
    """
    first = add_months(anchor, months * number)
    following = add_months(anchor, months * (number + 1))
    return Period(first, following - timedelta(days=1))


def period_with(anchor: date, months: int, day: date) -> tuple[int, Period]:
    """Number and period in which ``day`` falls."""
    if day < anchor:
        raise ValueError(f"{day} is before the subscription began")
    number = ((day.year - anchor.year) * 12 + day.month - anchor.month) // months
    if day < add_months(anchor, months * number):
        number -= 1
    return number, period_at(anchor, months, number)
