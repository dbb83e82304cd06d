from settingsmerge import difference, merge


def test_new_and_changed():
    assert merge({"a": 1, "b": 2}, {"b": 3, "c": 4}) == {"a": 1, "b": 3, "c": 4}


def test_nested():
    assert merge({"x": {"a": 1, "b": 2}}, {"x": {"b": 3}}) == {"x": {"a": 1, "b": 3}}


def test_removed():
    assert merge({"a": 1}, {"a": None, "b": None}) == {}


def test_arguments_are_left_alone():
    base, other = {"x": {"a": 1}}, {"x": {"a": 2}, "y": 3}
    merge(base, other)
    assert base == {"x": {"a": 1}}
    assert other == {"x": {"a": 2}, "y": 3}


def test_difference():
    old, new = {"a": 1, "x": {"b": 2, "c": 3}}, {"x": {"b": 2, "c": 4}, "d": 5}
    assert difference(old, new) == {"a": None, "x": {"c": 4}, "d": 5}
