import time

from ttlcache.base import Cache


class TimedCache(Cache):
    """Forgets entries that are older than ``ttl`` seconds."""

    def __init__(self, ttl, clock=time.monotonic):
        super().__init__()
        self.ttl = ttl
        self.clock = clock
        self._born = {}

    def put(self, key, value):
        super().put(key, value)
        self._born[key] = self.clock()

    def get(self, key, default=None):
        born = self._born.get(key)
        if born is not None and self.clock() - born > self.ttl:
            self.discard(key)
        return super().get(key, default)

    def discard(self, key):
        super().discard(key)
        self._born.pop(key, None)
