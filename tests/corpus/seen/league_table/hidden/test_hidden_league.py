from league import ScoreBoard, rank_table
from league.table import ranked


def test_best_first():
    assert ranked([("a", 1), ("b", 9), ("c", 5)]) == [(1, "b", 9), (2, "c", 5), (3, "a", 1)]


def test_ranks_skip_after_a_tie():
    assert [row[0] for row in ranked([("a", 5), ("b", 5), ("c", 1)])] == [1, 1, 3]


def test_options_are_passed_on():
    board = ScoreBoard()
    board.record("x", 1)
    board.record("y", 2)
    assert rank_table(board, reverse=False).startswith("1. x")
    assert rank_table(board).startswith("1. y")
