import pytest

from timing import Stats, timed


@pytest.fixture
def stats():
    return Stats()


def ticking():
    now = [0]

    def clock():
        now[0] += 1
        return now[0]

    return clock


def test_calls_are_counted(stats):
    work = timed(stats, ticking())(lambda: None)
    work()
    work()
    assert (stats.calls, stats.errors, stats.seconds, stats.mean) == (2, 0, 2, 1)


def test_errors_are_counted(stats):
    with pytest.raises(ZeroDivisionError):
        timed(stats)(lambda: 1 / 0)()
    assert stats.errors == 1


def test_name_is_kept(stats):
    @timed(stats)
    def spam():
        pass

    assert spam.__name__ == "spam"


def test_value(stats):
    assert timed(stats)(lambda a, b=2: a + b)(1, b=3) == 4


def test_no_calls(stats):
    assert stats.mean == 0
