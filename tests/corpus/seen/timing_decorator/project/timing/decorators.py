import time
from functools import wraps


class Stats:
    def __init__(self):
        self.calls = 0
        self.errors = 0
        self.seconds = 0.0

    @property
    def mean(self):
        return self.seconds / self.calls if self.calls else 0.0


def timed(stats, clock=time.perf_counter):
    """Count calls and errors of a function and add up its time."""

    def decorate(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            started = clock()
            stats.calls += 1
            try:
                function(*args, **kwargs)
            except Exception:
                stats.errors += 1
                raise
            finally:
                stats.seconds += clock() - started

        return wrapper

    return decorate
