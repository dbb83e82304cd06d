from records import changed, clean
from records.lines import to_lines


def test_none_is_left_out():
    assert clean({"a": 1, "b": None}) == {"a": 1}


def test_nested():
    assert clean({"a": {"b": None, "c": 2}}) == {"a": {"c": 2}}


def test_zero_stays():
    assert clean({"stock": 0, "name": "x"}) == {"stock": 0, "name": "x"}


def test_copy():
    record = {"a": {"b": 1}}
    clean(record)["a"]["b"] = 2
    assert record == {"a": {"b": 1}}


def test_changed():
    assert changed({"a": 1, "b": 2}, {"b": 3, "c": 4}) == ["a", "b", "c"]


def test_lines():
    assert to_lines({"a": 1, "b": {"c": "x", "d": None}}) == ["a=1", "b.c=x"]
