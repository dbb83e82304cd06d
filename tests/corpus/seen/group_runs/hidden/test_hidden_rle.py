from itertools import product

from rle import compress, expand, runs


def test_all_short_texts():
    for text in map("".join, product("ab", repeat=6)):
        assert expand(compress(text)) == text
        assert sum(count for _, count in runs(text)) == 6


def test_other_items():
    assert runs([None, None, 0, 0, 0, None]) == [(None, 2), (0, 3), (None, 1)]
