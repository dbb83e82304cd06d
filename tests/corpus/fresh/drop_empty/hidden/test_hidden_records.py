from records import clean
from records.lines import to_lines


def test_false_values():
    record = {"a": False, "b": "", "c": [], "d": {}, "e": 0.0, "f": None, "g": {"h": 0, "i": None}}
    assert clean(record) == {"a": False, "b": "", "c": [], "d": {}, "e": 0.0, "g": {"h": 0}}
    assert to_lines({"x": {"y": 0}}) == ["x.y=0"]
