import heapq
from itertools import count

from reminders.delays import to_seconds


class Scheduler:
    def __init__(self, clock):
        self.clock = clock
        self._queue = []
        self._number = count()

    def remind(self, delay, text):
        heapq.heappush(self._queue, (self.clock() + to_seconds(delay), next(self._number), text))

    def due(self):
        """Texts of the reminders whose time has come, in order."""
        now = self.clock()
        texts = []
        while self._queue and self._queue[0][0] <= now:
            texts.append(heapq.heappop(self._queue)[-1])
        return texts

    def next_in(self):
        return self._queue[0][0] - self.clock() if self._queue else None
