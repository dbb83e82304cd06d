import pytest

from groups import assign, plan
from groups.assign import group_of


def test_one_group():
    assert assign(["all"], ["a", "b"]) == {"all": ["a", "b"]}


def test_two_groups():
    assert assign(["red", "blue"], ["a", "b", "c"]) == {"red": ["a", "c"], "blue": ["b"]}


def test_nobody():
    assert assign(["red", "blue"], []) == {"red": [], "blue": []}


def test_no_groups():
    with pytest.raises(ValueError):
        assign([], ["a"])


def test_plan():
    assert plan(["x", "y", "z"], 8) == {"x": 3, "y": 3, "z": 2}


def test_group_of():
    assert group_of({"x": ["a"], "y": ["b"]}, "b") == "y"
    assert group_of({}, "b") is None
