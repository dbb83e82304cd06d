from sortedindex import SortedIndex


def test_every_key_is_found_at_every_size():
    for size in range(1, 33):
        index = SortedIndex((n * 2, -n) for n in range(size))
        assert [index.find(n * 2) for n in range(size)] == [-n for n in range(size)]
        assert not any(n * 2 + 1 in index for n in range(-1, size))
