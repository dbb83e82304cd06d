from describe import describe, spread
from describe.text import line


def test_list():
    assert describe([2, 4, 6])["mean"] == 4
    assert describe((5,)) == {"count": 1, "min": 5, "max": 5, "mean": 5, "sd": 0}


def test_nothing():
    assert describe([]) == {"count": 0}
    assert line("x", []) == "x: nothing"


def test_generator():
    assert describe(x for x in [2, 4, 6])["max"] == 6


def test_spread():
    assert spread(iter([3, 9, 1])) == 8


def test_line():
    assert line("x", [1, 3]) == "x: 2 from 1 to 3, mean 2.00 (sd 1.00)"
