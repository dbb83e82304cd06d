from tictactoe.board import Board
from tictactoe.game import Game


def test_draw():
    game = Game()
    moves = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 0), (1, 2), (2, 1), (2, 0), (2, 2)]
    assert [game.play(*move) for move in moves] == [None] * 8 + ["draw"]


def test_diagonal_on_a_larger_board():
    board = Board(4)
    for i in range(4):
        assert board.winner() is None
        board.put(i, i, "O")
    assert board.winner() == "O"
    assert sum(mark == "O" for row in board.cells for mark in row) == 4
