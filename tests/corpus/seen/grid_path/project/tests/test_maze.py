from maze import Grid, shortest_path


def test_dimensions():
    grid = Grid("...#\n..")
    assert (grid.width, grid.height) == (4, 2)


def test_free():
    grid = Grid(".#\n..")
    assert grid.is_free(0, 1)
    assert not grid.is_free(1, 0)
    assert not grid.is_free(2, 0)


def test_open_square():
    assert len(shortest_path(Grid("...\n...\n..."), (0, 0), (2, 2))) == 5


def test_start_is_goal():
    assert shortest_path(Grid("."), (0, 0), (0, 0)) == [(0, 0)]


def test_corridor():
    assert shortest_path(Grid("....."), (0, 0), (4, 0)) == [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)]


def test_detour():
    grid = Grid(".#.\n.#.\n...")
    path = shortest_path(grid, (0, 0), (2, 0))
    assert len(path) == 7
    assert all(grid.is_free(x, y) for x, y in path)


def test_walled_in():
    assert shortest_path(Grid(".#\n#."), (0, 0), (1, 1)) is None
