class ScoreBoard:
    def __init__(self):
        self._points = {}

    def record(self, player, points):
        self._points[player] = self._points.get(player, 0) + points

    def items(self):
        return self._points.items()

    def points(self, player):
        return self._points.get(player, 0)
