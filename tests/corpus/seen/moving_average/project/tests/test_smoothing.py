import pytest

from smoothing import exponential, moving_average, peaks


def test_window_longer_than_series():
    assert moving_average([1, 2], 5) == []


def test_all_windows():
    assert moving_average([1, 2, 3, 4], 2) == [1.5, 2.5, 3.5]


def test_window_is_checked():
    with pytest.raises(ValueError):
        moving_average([1], 0)


def test_exponential():
    assert exponential([4, 8, 8], 0.5) == [4, 6, 7]
    assert exponential([], 1) == []


def test_peaks_in_the_middle():
    assert peaks([0, 3, 1, 5, 0, 0, 0]) == [1, 3]
