from querycache.keys import make_key


class QueryCache:
    def __init__(self, size=100):
        self.size = size
        self.hits = 0
        self.misses = 0
        self._entries = {}

    @staticmethod
    def key(name, params):
        return make_key(name, params)

    def fetch(self, name, params, compute):
        key = self.key(name, params)
        if key in self._entries:
            self.hits += 1
            return self._entries[key]
        self.misses += 1
        value = compute(**params)
        if len(self._entries) >= self.size:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = value
        return value
