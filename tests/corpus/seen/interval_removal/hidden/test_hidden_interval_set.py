from itertools import combinations

from intervals import IntervalSet


def test_against_sets_of_integers():
    for a, b in combinations(range(9), 2):
        for c, d in combinations(range(9), 2):
            intervals = IntervalSet([(0, 3), (4, 8)])
            intervals.add(a, b)
            intervals.remove(c, d)
            expected = (set(range(0, 3)) | set(range(4, 8)) | set(range(a, b))) - set(range(c, d))
            assert {n for n in range(-1, 10) if n in intervals} == expected
            assert intervals.measure == len(expected)
