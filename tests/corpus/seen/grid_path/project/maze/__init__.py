from maze.grid import Grid
from maze.search import shortest_path

__all__ = ["Grid", "shortest_path"]
