import datetime

from querycache import QueryCache


def add(a, b):
    return a + b


def test_second_call_is_a_hit():
    cache = QueryCache()
    assert cache.fetch("add", {"a": 1, "b": 2}, add) == 3
    assert cache.fetch("add", {"a": 1, "b": 2}, add) == 3
    assert (cache.hits, cache.misses) == (1, 1)


def test_other_values_are_misses():
    cache = QueryCache()
    cache.fetch("add", {"a": 1, "b": 2}, add)
    assert cache.fetch("add", {"a": 2, "b": 1}, add) == 3
    assert cache.misses == 2


def test_order_of_parameters_is_irrelevant():
    cache = QueryCache()
    cache.fetch("add", {"a": 1, "b": 2}, add)
    cache.fetch("add", {"b": 2, "a": 1}, add)
    assert (cache.hits, cache.misses) == (1, 1)


def test_name_is_part_of_the_key():
    assert QueryCache.key("a", {}) != QueryCache.key("b", {})


def test_dates_are_allowed():
    assert len(QueryCache.key("day", {"on": datetime.date(2024, 1, 1)})) == 20


def test_oldest_entry_goes_first():
    cache = QueryCache(size=1)
    cache.fetch("add", {"a": 1, "b": 1}, add)
    cache.fetch("add", {"a": 2, "b": 2}, add)
    cache.fetch("add", {"a": 1, "b": 1}, add)
    assert cache.misses == 3
