import pytest

from rle import compress, expand, runs


def test_one_run():
    assert runs("aaa") == [("a", 3)]


def test_nothing():
    assert runs([]) == []
    assert compress("") == ""


def test_several_runs():
    assert runs("aabccc") == [("a", 2), ("b", 1), ("c", 3)]


def test_expand():
    assert expand("3ab12c") == "aaab" + 12 * "c"


def test_digits():
    with pytest.raises(ValueError):
        compress("a1")


def test_round_trip():
    assert expand(compress("wwwwbbw  x")) == "wwwwbbw  x"
