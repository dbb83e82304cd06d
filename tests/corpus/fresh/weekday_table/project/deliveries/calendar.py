from datetime import timedelta

from deliveries.days import next_delivery


def deliveries(start, end, days):
    """All deliveries from ``start`` up to and including ``end``."""
    day = next_delivery(start, days)
    while day <= end:
        yield day
        day = next_delivery(day + timedelta(days=1), days)
