import heapq
from itertools import count


class TaskHeap:
    """Smallest priority first; equal priorities in order of arrival."""

    def __init__(self):
        self._heap = []
        self._arrival = count()

    def __len__(self):
        return len(self._heap)

    def push(self, task, priority=10):
        heapq.heappush(self._heap, (priority, next(self._arrival), task))

    def pop(self):
        if not self._heap:
            raise IndexError("no task")
        return heapq.heappop(self._heap)[-1]

    def peek(self):
        return self._heap[0][-1] if self._heap else None

    def drain(self):
        while self._heap:
            yield self.pop()
