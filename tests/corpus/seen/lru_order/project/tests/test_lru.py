import pytest

from lru import LRUCache, memoise


def test_size_is_bounded():
    cache = LRUCache(2)
    for key in "abc":
        cache.put(key, key.upper())
    assert len(cache) == 2
    assert "a" not in cache


def test_default():
    assert LRUCache(1).get("x", 5) == 5


def test_reading_refreshes():
    cache = LRUCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert "a" in cache
    assert "b" not in cache


def test_writing_refreshes():
    cache = LRUCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("a", 10)
    cache.put("c", 3)
    assert cache.get("a") == 10


def test_size_is_checked():
    with pytest.raises(ValueError):
        LRUCache(0)


def test_memoise():
    calls = []

    @memoise(3)
    def double(x):
        calls.append(x)
        return 2 * x

    assert [double(x) for x in (1, 1, 2, 1)] == [2, 2, 4, 2]
    assert calls == [1, 2]
