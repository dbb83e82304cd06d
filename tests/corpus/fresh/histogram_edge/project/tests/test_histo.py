from histo import bin_of, draw, histogram


def test_bin():
    assert [bin_of(v, 0, 10, 5) for v in (0, 1.9, 2, 9.99)] == [0, 0, 1, 4]


def test_outside():
    assert bin_of(-1, 0, 10, 5) is None
    assert histogram([-5, 1, 50], bins=2, bounds=(0, 4)) == [1, 0]


def test_extremes():
    assert histogram([0, 5, 10], bins=2) == [1, 2]


def test_all_equal():
    assert histogram([3, 3], bins=2) == [2, 0]


def test_nothing():
    assert histogram([], bins=3) == [0, 0, 0]


def test_draw():
    assert draw([1, 2, 0], width=4) == "**\n****\n"
