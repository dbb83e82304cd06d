class History:
    """Two stacks of states."""

    def __init__(self, limit=100):
        self.limit = limit
        self._past = []
        self._future = []

    def remember(self, state):
        self._past.append(state)
        del self._past[: -self.limit]
        self._future.clear()

    def back(self, current):
        if not self._past:
            return current
        self._future.append(current)
        return self._past.pop()

    def forward(self, current):
        if not self._future:
            return current
        self._past.append(current)
        return self._future.pop()
