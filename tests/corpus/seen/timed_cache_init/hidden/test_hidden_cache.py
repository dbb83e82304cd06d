from ttlcache import TimedCache


def test_statistics():
    cache = TimedCache(1, clock=lambda: 0)
    assert (cache.hits, cache.misses, len(cache)) == (0, 0, 0)
    cache.put("a", None)
    cache.get("a")
    cache.get("b")
    assert (cache.hits, cache.misses, len(cache)) == (1, 1, 1)


def test_two_caches():
    one, two = TimedCache(1, clock=lambda: 0), TimedCache(1, clock=lambda: 0)
    one.put("a", 1)
    assert two.get("a") is None


def test_writing_again_renews():
    now = [0]
    cache = TimedCache(5, clock=lambda: now[0])
    cache.put("a", 1)
    now[0] = 4
    cache.put("a", 2)
    now[0] = 9
    assert cache.get("a") == 2
