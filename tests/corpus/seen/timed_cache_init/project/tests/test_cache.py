import pytest

from ttlcache import Cache, TimedCache


def test_cache():
    cache = Cache()
    cache.put("a", 1)
    assert cache.get("a") == 1
    assert cache.get("b", 0) == 0
    assert (cache.hits, cache.misses, len(cache)) == (1, 1, 1)


def test_discard():
    cache = Cache()
    cache.put("a", 1)
    cache.discard("a")
    cache.discard("a")
    assert len(cache) == 0


def test_timed_settings():
    assert TimedCache(60).ttl == 60


def test_timed_entries_expire():
    now = [0]
    cache = TimedCache(10, clock=lambda: now[0])
    cache.put("a", 1)
    now[0] = 10
    assert cache.get("a") == 1
    now[0] = 11
    assert cache.get("a") is None
    assert len(cache) == 0
