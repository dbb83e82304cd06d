from datetime import timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_days(text):
    """Numbers of the days in a text such as ``mon, fri``; Monday is 0."""
    try:
        return sorted({DAYS.index(name.strip().lower()[:3]) for name in text.split(",")})
    except ValueError:
        raise ValueError(f"not a list of days: {text!r}") from None


def next_delivery(day, days):
    """The first delivery on or after ``day``."""
    wait = min((number - day.weekday()) % 7 for number in days)
    return day + timedelta(days=wait)
