from reminders import Scheduler
from reminders.delays import to_seconds


def test_seconds():
    assert [to_seconds(t) for t in ("0s", "999ms", "1s", "1.25s", "1h")] == [0, 0.999, 1, 1.25, 3600]


def test_order_of_mixed_units():
    now = [0]
    scheduler = Scheduler(lambda: now[0])
    for text in ("1h", "1min", "1s", "1ms"):
        scheduler.remind(text, text)
    now[0] = 60
    assert scheduler.due() == ["1ms", "1s", "1min"]
