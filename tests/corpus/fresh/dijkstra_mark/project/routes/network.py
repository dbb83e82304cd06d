class Network:
    """Undirected roads with a cost."""

    def __init__(self, *roads):
        self._roads = {}
        for a, b, cost in roads:
            self.add(a, b, cost)

    def add(self, a, b, cost):
        if cost < 0:
            raise ValueError("costs must not be negative")
        self._roads.setdefault(a, {})[b] = cost
        self._roads.setdefault(b, {})[a] = cost

    def roads_from(self, town):
        return self._roads.get(town, {}).items()
