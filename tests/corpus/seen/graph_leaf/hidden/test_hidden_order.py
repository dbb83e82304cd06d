import pytest

from buildgraph import Cycle, order


def test_many_leaves():
    result = order({"a": ["x", "y"], "b": ["y", "a", "z"]})
    assert sorted(result) == ["a", "b", "x", "y", "z"]
    position = {name: i for i, name in enumerate(result)}
    assert position["x"] < position["a"] < position["b"]
    assert position["y"] < position["a"]
    assert position["z"] < position["b"]


def test_cycle_is_still_found():
    with pytest.raises(Cycle):
        order({"a": ["leaf", "b"], "b": ["a"]})
