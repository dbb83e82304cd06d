from histo import bin_of, histogram


def test_every_value_is_counted():
    for bins in range(1, 9):
        for size in range(1, 30):
            counts = histogram(range(size), bins)
            assert sum(counts) == size and len(counts) == bins


def test_upper_bound():
    assert bin_of(10, 0, 10, 5) == 4
    assert bin_of(10.01, 0, 10, 5) is None
    assert histogram([1.0], bins=3, bounds=(0, 1)) == [0, 0, 1]
