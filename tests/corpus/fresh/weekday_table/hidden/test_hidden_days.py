from datetime import date, timedelta

from deliveries import next_delivery
from deliveries.calendar import deliveries


def test_two_weeks():
    assert list(deliveries(date(2024, 4, 29), date(2024, 5, 12), [0, 4])) == [
        date(2024, 4, 29), date(2024, 5, 3), date(2024, 5, 6), date(2024, 5, 10),
    ]


def test_on_the_right_day():
    for offset in range(14):
        day = date(2024, 2, 20) + timedelta(days=offset)
        for number in range(7):
            found = next_delivery(day, [number])
            assert found.weekday() == number and 0 <= (found - day).days < 7
