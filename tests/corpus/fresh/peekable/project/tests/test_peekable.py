import pytest

from lookahead import Peekable
from lookahead.runs import ascending_runs


def test_peek_then_next():
    p = Peekable("ab")
    assert (p.peek(), p.peek(), next(p), next(p)) == ("a", "a", "a", "b")


def test_end():
    p = Peekable([])
    assert p.peek("end") == "end"
    assert not p
    with pytest.raises(StopIteration):
        next(p)


def test_runs():
    assert list(ascending_runs([1, 3, 2, 5, 9, 4])) == [[1, 3], [2, 5, 9], [4]]


def test_zero():
    p = Peekable([0, 1])
    assert p.peek() == 0
    assert list(p) == [0, 1]
