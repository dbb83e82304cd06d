class Node:
    def __init__(self, title, *children):
        self.title = title
        self.parent = None
        self.children = []
        for child in children:
            self.append(child)

    def append(self, child):
        child.parent = self
        self.children.append(child)
        return child

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, title):
        """Return the first node with ``title`` below (or at) this one, depth first, or None."""
        if self.title == title:
            return self
        for child in self.children:
            if child.title == title:
                return child
            child.find(title)
        return None

    @property
    def depth(self):
        return 0 if self.parent is None else self.parent.depth + 1

    def path(self):
        titles = []
        node = self
        while node is not None:
            titles.append(node.title)
            node = node.parent
        return "/".join(reversed(titles))
