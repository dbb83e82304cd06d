from maze import Grid, shortest_path

DRAWING = """
..#......
.##.####.
....#..#.
"""


def test_long_way_round():
    grid = Grid(DRAWING)
    path = shortest_path(grid, (0, 0), (8, 2))
    assert path is not None
    assert len(path) == 15
    assert all(grid.is_free(*point) for point in path)
    assert all(abs(a - c) + abs(b - d) == 1 for (a, b), (c, d) in zip(path, path[1:]))


def test_neighbours_of_a_corner():
    assert set(Grid(DRAWING).neighbours((0, 0))) == {(1, 0), (0, 1)}
    assert set(Grid(DRAWING).neighbours((8, 0))) == {(7, 0), (8, 1)}
