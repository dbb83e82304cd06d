from smoothing import moving_average, peaks


def test_one_window():
    assert moving_average([1, 2, 6], 3) == [3]
    assert moving_average([1, 2, 6], 1) == [1, 2, 6]
    assert moving_average([], 1) == []


def test_peak_near_the_end():
    assert peaks([0, 1, 9, 2]) == [2]
    assert peaks([0, 0, 6, 6, 0], window=2) == [2]
