"""Sliding-window rate limiter with an injectable clock."""

from collections import deque


class SlidingWindow:
    """At most ``limit`` calls within any ``window`` seconds; a call leaves the window when it is ``window`` old."""

    def __init__(self, limit, window, clock):
        self.limit = limit
        self.window = window
        self.clock = clock
        self._calls = {}

    def allow(self, key):
        now = self.clock()
        calls = self._calls.setdefault(key, deque())
        self._expire(calls, now)
        if len(calls) >= self.limit:
            return False
        calls.append(now)
        return True

    def retry_after(self, key):
        """Seconds until the next call of ``key`` is allowed."""
        now = self.clock()
        calls = self._calls.get(key, deque())
        self._expire(calls, now)
        if len(calls) < self.limit:
            return 0
        return calls[0] + self.window - now

    def _expire(self, calls, now):
        while calls and now - calls[0] >= self.window:
            calls.popleft()
