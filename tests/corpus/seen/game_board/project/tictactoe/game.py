from tictactoe.board import Board


class Game:
    def __init__(self, size=3):
        self.board = Board(size)
        self.turn = "X"

    def play(self, row, column):
        """Make a move; return the winner, "draw" or None."""
        self.board.put(row, column, self.turn)
        self.turn = "O" if self.turn == "X" else "X"
        winner = self.board.winner()
        if winner is None and self.board.full():
            return "draw"
        return winner
