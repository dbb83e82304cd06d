from roster.plan import on_duty, weekly_plan
from roster.rotate import rotate


def test_forward():
    assert rotate(["a", "b", "c"], 1) == ["c", "a", "b"]


def test_backward():
    assert rotate(["a", "b", "c"], -1) == ["b", "c", "a"]


def test_more_than_once_around():
    assert rotate([1, 2, 3], 5) == [2, 3, 1]


def test_not_at_all():
    assert rotate(["a", "b", "c"], 0) == ["a", "b", "c"]


def test_empty():
    assert rotate([], 3) == []


def test_plan():
    assert weekly_plan(["a", "b"], 3) == [(1, ["a", "b"]), (2, ["b", "a"]), (3, ["a", "b"])]


def test_on_duty():
    assert on_duty(["a", "b", "c"], 3) == "b"
