from roster.plan import on_duty, weekly_plan
from roster.rotate import rotate


def test_multiples_of_the_length():
    for size in range(1, 6):
        items = list(range(size))
        for turns in range(-3, 4):
            assert rotate(items, turns * size) == items


def test_nobody():
    assert rotate([], 0) == []
    assert on_duty([], 1) is None
    assert weekly_plan([], 1) == [(1, [])]


def test_steps_add_up():
    items = list("abcde")
    for a in range(-7, 8):
        assert rotate(rotate(items, a), 3) == rotate(items, a + 3)
