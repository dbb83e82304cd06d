class Grid:
    """A maze drawn with ``#`` for walls; points are (x, y), the origin is at the top left."""

    def __init__(self, drawing):
        self.lines = [line for line in drawing.strip("\n").splitlines()]
        self.height = len(self.lines)
        self.width = max(len(line) for line in self.lines)
        self.lines = [line.ljust(self.width) for line in self.lines]

    def inside(self, x, y):
        return 0 <= x < self.width and 0 <= y < self.height

    def is_free(self, x, y):
        return self.inside(x, y) and self.lines[y][x] != "#"

    def neighbours(self, point):
        x, y = point
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            if self.is_free(x + dx, y + dy):
                yield x + dx, y + dy
