import pytest

from retrying import GiveUp, call, delays


def failing(times):
    left = [times]

    def function():
        if left[0]:
            left[0] -= 1
            raise OSError("down")
        return "up"

    return function


def test_first_delays():
    assert list(delays(1, 30, 4)) == [1, 2, 4, 8]


def test_cap():
    assert list(delays(1, 30, 8)) == [1, 2, 4, 8, 16, 30, 30, 30]


def test_arguments():
    with pytest.raises(ValueError):
        list(delays(5, 1, 2))


def test_no_sleep_when_it_works():
    slept = []
    assert call(failing(0), slept.append) == "up"
    assert slept == []


def test_sleeps_between():
    slept = []
    assert call(failing(3), slept.append, base=2) == "up"
    assert slept == [2, 4, 8]


def test_give_up():
    slept = []
    with pytest.raises(GiveUp, match="gave up after 2 attempts: down"):
        call(failing(9), slept.append, attempts=2)
    assert slept == [1]


def test_other_errors_come_through():
    with pytest.raises(ZeroDivisionError):
        call(lambda: 1 / 0, print)
