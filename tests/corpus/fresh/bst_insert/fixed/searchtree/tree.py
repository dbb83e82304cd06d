class _Node:
    def __init__(self, key):
        self.key = key
        self.left = None
        self.right = None


def _insert(node, key):
    """Return the root of the sub-tree with ``key`` in it."""
    if node is None:
        return _Node(key)
    if key == node.key:
        return node
    if key < node.key:
        node.left = _insert(node.left, key)
    else:
        node.right = _insert(node.right, key)
    return node


def _walk(node):
    if node is not None:
        yield from _walk(node.left)
        yield node.key
        yield from _walk(node.right)


class Tree:
    """An unbalanced binary search tree of distinct keys."""

    def __init__(self, keys=()):
        self._root = None
        for key in keys:
            self.add(key)

    def add(self, key):
        self._root = _insert(self._root, key)

    def __iter__(self):
        return _walk(self._root)

    def __contains__(self, key):
        node = self._root
        while node is not None and node.key != key:
            node = node.left if key < node.key else node.right
        return node is not None

    def smallest(self):
        return next(iter(self), None)
