import pytest

from batches import chunked, upload, windowed


def test_exact():
    assert list(chunked("abcdef", 3)) == [["a", "b", "c"], ["d", "e", "f"]]


def test_empty():
    assert list(chunked([], 3)) == []


def test_rest():
    assert list(chunked(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_size_is_checked():
    with pytest.raises(ValueError):
        next(chunked([1], 0))


def test_windows():
    assert list(windowed([1, 2, 3, 4], 2)) == [(1, 2), (2, 3), (3, 4)]


def test_upload():
    sent = []
    assert upload(range(4), sent.append, batch_size=2) == 4
    assert sent == [[0, 1], [2, 3]]
