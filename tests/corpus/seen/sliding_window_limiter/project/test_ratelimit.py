import pytest

from ratelimit import SlidingWindow


class Clock:
    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limiter(clock):
    return SlidingWindow(3, 10, clock)


def test_allows_up_to_the_limit(limiter):
    assert [limiter.allow("a") for _ in range(4)] == [True, True, True, False]


def test_keys_are_independent(limiter):
    for _ in range(3):
        limiter.allow("a")
    assert limiter.allow("b")


def test_old_calls_expire(limiter, clock):
    for _ in range(3):
        limiter.allow("a")
    clock.now = 11
    assert limiter.allow("a")


def test_waiting_as_told_is_enough(limiter, clock):
    for clock.now in (0, 1, 2):
        limiter.allow("a")
    clock.now += limiter.retry_after("a")
    assert clock.now == 10
    assert limiter.allow("a")


def test_no_wait_below_the_limit(limiter):
    assert limiter.retry_after("a") == 0
    limiter.allow("a")
    assert limiter.retry_after("a") == 0
