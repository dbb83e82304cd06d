import pytest

from league import ScoreBoard, rank_table
from league.table import ranked


@pytest.fixture
def board():
    board = ScoreBoard()
    for player, points in (("Mia", 3), ("Ben", 1), ("Zoe", 3), ("Ben", 6)):
        board.record(player, points)
    return board


def test_points_add_up(board):
    assert board.points("Ben") == 7
    assert board.points("Tom") == 0


def test_worst_first_on_request(board):
    assert ranked(board.items(), reverse=False)[0] == (1, "Mia", 3)


def test_shared_rank():
    assert [rank for rank, _, _ in ranked([("a", 1), ("b", 1), ("c", 1)])] == [1, 1, 1]


def test_table(board):
    assert rank_table(board) == "1. Ben    7\n2. Mia    3\n2. Zoe    3"


def test_empty_table():
    assert rank_table(ScoreBoard()) == ""
