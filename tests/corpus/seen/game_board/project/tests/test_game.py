import pytest

from tictactoe.board import Board
from tictactoe.game import Game


def test_empty_board():
    board = Board()
    assert board.winner() is None
    assert not board.full()
    assert str(board) == " | | \n | | \n | | "


def test_taken_cell():
    board = Board()
    board.put(1, 1, "X")
    with pytest.raises(ValueError):
        board.put(1, 1, "O")


def test_one_cell_only():
    board = Board()
    board.put(0, 0, "X")
    assert str(board) == "X| | \n | | \n | | "


def test_turns_alternate():
    game = Game()
    game.play(0, 0)
    assert game.turn == "O"


def test_row_wins():
    game = Game()
    for move in ((0, 0), (1, 0), (0, 1), (1, 1)):
        assert game.play(*move) is None
    assert game.play(0, 2) == "X"
