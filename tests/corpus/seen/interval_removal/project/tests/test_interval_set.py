import pytest

from intervals import IntervalSet


@pytest.fixture
def ten():
    return IntervalSet([(0, 10)])


def test_add_merges():
    assert list(IntervalSet([(5, 7), (0, 2), (2, 5)])) == [(0, 7)]


def test_contains(ten):
    assert 0 in ten and 10 not in ten


def test_remove_the_beginning(ten):
    ten.remove(-5, 3)
    assert list(ten) == [(3, 10)]


def test_remove_the_end(ten):
    ten.remove(7, 12)
    assert list(ten) == [(0, 7)]


def test_remove_the_middle(ten):
    ten.remove(3, 5)
    assert list(ten) == [(0, 3), (5, 10)]


def test_remove_everything(ten):
    ten.remove(0, 10)
    assert list(ten) == [] and ten.measure == 0


def test_remove_nothing(ten):
    ten.remove(20, 30)
    ten.remove(5, 5)
    assert ten.measure == 10
