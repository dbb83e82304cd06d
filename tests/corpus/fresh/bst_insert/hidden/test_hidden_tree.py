from itertools import permutations

from searchtree import Tree


def test_sorted_whatever_the_order():
    for keys in permutations(range(5)):
        tree = Tree(keys)
        assert list(tree) == [0, 1, 2, 3, 4]
        assert all(key in tree for key in keys)
        assert tree.smallest() == 0
    assert list(Tree("banana")) == ["a", "b", "n"]
