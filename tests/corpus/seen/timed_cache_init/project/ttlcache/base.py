class Cache:
    def __init__(self):
        self._data = {}
        self.hits = 0
        self.misses = 0

    def put(self, key, value):
        self._data[key] = value

    def get(self, key, default=None):
        try:
            value = self._data[key]
        except KeyError:
            self.misses += 1
            return default
        self.hits += 1
        return value

    def discard(self, key):
        self._data.pop(key, None)

    def __len__(self):
        return len(self._data)
