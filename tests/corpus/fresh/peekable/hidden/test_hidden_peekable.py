from lookahead import Peekable
from lookahead.runs import ascending_runs


def test_false_items():
    items = [None, 0, "", [], False]
    p = Peekable(items)
    seen = []
    while p:
        p.peek()
        seen.append(next(p))
    assert seen == items


def test_runs_with_zero():
    assert list(ascending_runs([-1, 0, 1, 0, 0])) == [[-1, 0, 1], [0], [0]]
