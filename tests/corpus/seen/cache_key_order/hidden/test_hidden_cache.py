from itertools import permutations

from querycache import QueryCache


def test_nested_dictionaries_too():
    one = QueryCache.key("q", {"filter": {"lo": 1, "hi": 2}, "page": 1})
    two = QueryCache.key("q", {"page": 1, "filter": {"hi": 2, "lo": 1}})
    assert one == two


def test_all_orders_give_one_key():
    items = {"a": 1, "b": [1, 2], "c": "x"}
    assert len({QueryCache.key("q", dict(order)) for order in permutations(items.items())}) == 1
    assert QueryCache.key("q", {"b": [2, 1]}) != QueryCache.key("q", {"b": [1, 2]})
