from ttlcache.base import Cache
from ttlcache.timed import TimedCache

__all__ = ["Cache", "TimedCache"]
