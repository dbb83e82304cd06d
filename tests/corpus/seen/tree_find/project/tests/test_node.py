import pytest

from outline import Node


@pytest.fixture
def tree():
    return Node("root", Node("a", Node("c")), Node("b"))


def test_walk(tree):
    assert [node.title for node in tree.walk()] == ["root", "a", "c", "b"]


def test_find_itself(tree):
    assert tree.find("root") is tree


def test_find_child(tree):
    assert tree.find("b").path() == "root/b"


def test_find_deeper(tree):
    assert tree.find("c").path() == "root/a/c"
    assert tree.find("c").depth == 2


def test_find_nothing(tree):
    assert tree.find("z") is None
