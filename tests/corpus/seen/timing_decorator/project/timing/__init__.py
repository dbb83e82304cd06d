from timing.decorators import Stats, timed

__all__ = ["Stats", "timed"]
