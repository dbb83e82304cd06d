import pytest

from sortedindex import SortedIndex


@pytest.fixture
def index():
    return SortedIndex([("pear", 3), ("apple", 1), ("fig", 2)])


def test_length(index):
    assert len(index) == 3


def test_finds_the_middle(index):
    assert index.find("fig") == 2


def test_finds_the_largest(index):
    assert index.find("pear") == 3
    assert "pear" in index


def test_replaces(index):
    index.add("fig", 20)
    assert len(index) == 3
    assert index.find("fig") == 20


def test_default_for_absent_keys(index):
    assert index.find("kiwi") is None
    assert index.find("kiwi", 0) == 0


def test_empty():
    assert SortedIndex().find(1) is None
