"""Small calendar helpers that do not need a date object."""

from calendar_utils.months import day_of_year, days_in_month, is_leap

__all__ = ["day_of_year", "days_in_month", "is_leap"]
