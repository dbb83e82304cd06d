import copy

from settingsmerge import difference, merge


def test_inner_dictionaries_are_left_alone_too():
    base = {"x": {"y": {"z": 1}}, "k": 1}
    before = copy.deepcopy(base)
    assert merge(base, {"x": {"y": {"w": 2}}, "k": None}) == {"x": {"y": {"z": 1, "w": 2}}}
    assert base == before


def test_merging_the_difference():
    old, new = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 5}, "e": {"f": 1}}
    before = copy.deepcopy(old)
    assert merge(old, difference(old, new)) == new
    assert old == before
