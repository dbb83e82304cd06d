import pytest

from reminders import Scheduler
from reminders.delays import to_milliseconds


@pytest.fixture
def now():
    return [100]


@pytest.fixture
def scheduler(now):
    return Scheduler(lambda: now[0])


def test_milliseconds():
    assert to_milliseconds("1.5 s") == 1500
    assert to_milliseconds("2min") == 120_000


def test_half_a_second(scheduler, now):
    scheduler.remind("500ms", "tea")
    assert scheduler.due() == []
    now[0] = 100.5
    assert scheduler.due() == ["tea"]


def test_two_minutes(scheduler, now):
    scheduler.remind("2min", "eggs")
    now[0] = 220
    assert scheduler.due() == ["eggs"]
    assert scheduler.due() == []


def test_order(scheduler, now):
    scheduler.remind("2s", "b")
    scheduler.remind("1s", "a")
    now[0] = 1e9
    assert scheduler.due() == ["a", "b"]


def test_next(scheduler):
    assert scheduler.next_in() is None
    scheduler.remind("3s", "x")
    assert scheduler.next_in() == 3


def test_nonsense(scheduler):
    with pytest.raises(ValueError):
        scheduler.remind("soon", "x")
