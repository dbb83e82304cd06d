class Board:
    def __init__(self, size=3):
        self.size = size
        self.cells = [[" "] * size for _ in range(size)]

    def put(self, row, column, mark):
        if self.cells[row][column] != " ":
            raise ValueError("cell is taken")
        self.cells[row][column] = mark

    def lines(self):
        yield from self.cells
        yield from ([row[i] for row in self.cells] for i in range(self.size))
        yield [self.cells[i][i] for i in range(self.size)]
        yield [self.cells[i][-1 - i] for i in range(self.size)]

    def winner(self):
        for line in self.lines():
            if line[0] != " " and all(mark == line[0] for mark in line):
                return line[0]
        return None

    def full(self):
        return all(mark != " " for row in self.cells for mark in row)

    def __str__(self):
        return "\n".join("|".join(row) for row in self.cells)
