import pytest

from buildgraph import Cycle, dependants, order, roots


def test_chain():
    assert order({"a": ["b"], "b": ["c"], "c": []}) == ["c", "b", "a"]


def test_diamond():
    result = order({"app": ["x", "y"], "x": ["base"], "y": ["base"], "base": []})
    assert result[0] == "base" and result[-1] == "app"
    assert len(result) == 4


def test_leaf_without_entry():
    assert order({"app": ["lib"]}) == ["lib", "app"]


def test_cycle():
    with pytest.raises(Cycle, match="a -> b -> a"):
        order({"a": ["b"], "b": ["a"]})


def test_dependants():
    assert dependants({"a": ["c"], "b": ["c"], "c": []}, "c") == ["a", "b"]


def test_roots():
    assert roots({"a": ["c"], "b": [], "c": []}) == ["a", "b"]
