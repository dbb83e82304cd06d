from lru import LRUCache, memoise


def test_memoise_keeps_the_hot_entry():
    calls = []

    @memoise(2)
    def f(x):
        calls.append(x)
        return x

    for x in (1, 2, 1, 3, 1, 4, 1):
        f(x)
    assert calls.count(1) == 1


def test_missing_keys_do_not_matter():
    cache = LRUCache(2)
    cache.put(1, None)
    cache.put(2, 2)
    assert cache.get(9) is None
    assert cache.get(1) is None
    cache.put(3, 3)
    assert 1 in cache and 2 not in cache
