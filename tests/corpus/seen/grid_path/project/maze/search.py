from collections import deque


def shortest_path(grid, start, goal):
    """Breadth-first search; the list of points from start to goal, or None."""
    came_from = {start: None}
    queue = deque([start])
    while queue:
        point = queue.popleft()
        if point == goal:
            path = []
            while point is not None:
                path.append(point)
                point = came_from[point]
            return path[::-1]
        for neighbour in grid.neighbours(point):
            if neighbour not in came_from:
                came_from[neighbour] = point
                queue.append(neighbour)
    return None
