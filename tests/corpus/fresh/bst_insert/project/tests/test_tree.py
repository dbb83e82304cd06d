from searchtree import Tree


def test_empty():
    assert list(Tree()) == []
    assert Tree().smallest() is None
    assert 1 not in Tree()


def test_one():
    tree = Tree([4, 4])
    assert list(tree) == [4]
    assert 4 in tree


def test_three():
    tree = Tree([5, 3, 8])
    assert list(tree) == [3, 5, 8]


def test_contains():
    tree = Tree([5, 3, 8])
    assert 5 in tree and 8 in tree and 4 not in tree
