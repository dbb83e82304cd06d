class Matrix:
    """A small dense matrix of numbers."""

    def __init__(self, rows):
        self._rows = [list(row) for row in rows]
        if not self._rows or any(len(row) != len(self._rows[0]) for row in self._rows):
            raise ValueError("rows must be non-empty and of equal length")

    @property
    def shape(self):
        return len(self._rows), len(self._rows[0])

    def __getitem__(self, position):
        row, column = position
        return self._rows[row][column]

    def __eq__(self, other):
        return isinstance(other, Matrix) and self._rows == other._rows

    def __matmul__(self, other):
        rows, inner = self.shape
        other_rows, columns = other.shape
        if inner != other_rows:
            raise ValueError(f"cannot multiply {self.shape} by {other.shape}")
        return Matrix(
            [sum(self[i, k] * other[k, j] for k in range(inner)) for j in range(columns)]
            for i in range(rows)
        )

    def transpose(self):
        return Matrix(zip(*self._rows))

    def to_lists(self):
        return [list(row) for row in self._rows]


def identity(size):
    return Matrix([[int(i == j) for j in range(size)] for i in range(size)])
