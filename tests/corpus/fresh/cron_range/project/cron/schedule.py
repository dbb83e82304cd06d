from datetime import timedelta

from cron.field import parse_field


class Schedule:
    """Minute, hour, day of month, month, day of week (0 is Sunday); all must match."""

    def __init__(self, expression):
        parts = expression.split()
        if len(parts) != 5:
            raise ValueError("five fields are needed")
        bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
        self.fields = [parse_field(part, *bound) for part, bound in zip(parts, bounds)]

    def matches(self, when):
        values = (when.minute, when.hour, when.day, when.month, when.isoweekday() % 7)
        return all(value in field for value, field in zip(values, self.fields))

    def next_after(self, when):
        """The next full minute after ``when`` that matches, within a year, or None."""
        when = when.replace(second=0, microsecond=0)
        for _ in range(366 * 24 * 60):
            when += timedelta(minutes=1)
            if self.matches(when):
                return when
        return None
